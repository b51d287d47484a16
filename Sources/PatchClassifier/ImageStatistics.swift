internal import CPatch

/// Figures of one patch, kept with its prediction for drift monitoring. The same pixels give the same bits on every CPU.
/// Optical density is `-ln((v + 1) / 256)` of the value `v` (Beer and Lambert).
public struct ImageStatistics: Sendable, Equatable {
    /// Mean value of each channel, 0...255.
    public let meanRed: Float
    public let meanGreen: Float
    public let meanBlue: Float
    /// Mean optical density of each channel.
    public let opticalDensityMeanRed: Float
    public let opticalDensityMeanGreen: Float
    public let opticalDensityMeanBlue: Float
    /// Standard deviation of the optical density of each channel.
    public let opticalDensityDeviationRed: Float
    public let opticalDensityDeviationGreen: Float
    public let opticalDensityDeviationBlue: Float
    /// Mean saturation as in HSV: (max - min) / max, 0...1.
    public let saturation: Float
    /// Mean value as in HSV: max / 255, 0...1.
    public let brightness: Float
    /// Variance of the 4-neighbour Laplacian of luminance; falls when the scanner is out of focus.
    public let focus: Float
    /// Share of pixels that are tissue, 0...1: those whose strongest optical density is at least 0.15, the background
    /// threshold of Macenko et al., ISBI 2009.
    public let tissueShare: Float
    /// nil where there is too little tissue, or only one colour of it.
    public let stains: StainVectors?

    public init(_ patch: Patch) {
        let figures = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(1, patch.width * patch.height)) {
            patch_measure(patch.rgb, patch.width, patch.height, $0.baseAddress)
        }
        (meanRed, meanGreen, meanBlue) = rounded(figures.mean)
        (opticalDensityMeanRed, opticalDensityMeanGreen, opticalDensityMeanBlue) = rounded(figures.density_mean)
        (opticalDensityDeviationRed, opticalDensityDeviationGreen, opticalDensityDeviationBlue) =
            rounded(figures.density_deviation)
        saturation = Float(figures.saturation)
        brightness = Float(figures.brightness)
        focus = Float(figures.focus)
        tissueShare = Float(figures.tissue_share)
        stains = StainVectors(patch)
    }
}

/// Directions of hematoxylin and eosin in optical density, by Macenko et al., ISBI 2009: unit vectors, so that red and
/// green give the third component, blue.
public struct StainVectors: Sendable, Equatable {
    public let hematoxylinRed: Float
    public let hematoxylinGreen: Float
    public let eosinRed: Float
    public let eosinGreen: Float

    init?(_ patch: Patch) {
        var (hematoxylin, eosin) = ([0.0, 0, 0], [0.0, 0, 0])
        // Room for nothing might have no address.
        let room = max(1, patch_stain_room(patch.width, patch.height))
        let isFound = withUnsafeTemporaryAllocation(of: Double.self, capacity: room) {
            patch_stain_vectors(patch.rgb, patch.width, patch.height, $0.baseAddress, &hematoxylin, &eosin)
        }
        guard isFound else { return nil }
        (hematoxylinRed, hematoxylinGreen) = (Float(hematoxylin[0]), Float(hematoxylin[1]))
        (eosinRed, eosinGreen) = (Float(eosin[0]), Float(eosin[1]))
    }
}

private func rounded(_ channels: (Double, Double, Double)) -> (Float, Float, Float) {
    (Float(channels.0), Float(channels.1), Float(channels.2))
}
