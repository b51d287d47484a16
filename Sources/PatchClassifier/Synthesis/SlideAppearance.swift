/// How a slide was stained and scanned: what turns the same artificial tissue into differently looking patches.
public struct SlideAppearance: Sendable, Equatable {
    /// A triple for red, green and blue.
    public typealias Channels = SIMD3<Double>

    /// Optical densities of the stains by channel; normalized to length 1 when they are used.
    public var haematoxylin: Channels
    public var eosin: Channels
    /// Optical density (natural logarithm) of a dense nucleus, and of dense cytoplasm or fibre.
    public var haematoxylinIntensity: Double
    public var eosinIntensity: Double
    /// Value of each channel where there is no tissue, 0...255: the scanner's lamp and white balance.
    public var whiteLevel: Channels
    /// Standard deviation of the scanner's blur, in pixels.
    public var blur: Double
    /// Standard deviation of the sensor's noise, in values of 0...255.
    public var noise: Double
    /// Relative spread of the stain intensities from patch to patch.
    public var stainVariation: Double

    public init(
        haematoxylin: Channels, eosin: Channels, haematoxylinIntensity: Double, eosinIntensity: Double,
        whiteLevel: Channels, blur: Double, noise: Double, stainVariation: Double
    ) {
        self.haematoxylin = haematoxylin
        self.eosin = eosin
        self.haematoxylinIntensity = haematoxylinIntensity
        self.eosinIntensity = eosinIntensity
        self.whiteLevel = whiteLevel
        self.blur = blur
        self.noise = noise
        self.stainVariation = stainVariation
    }
}

extension SlideAppearance {
    /// Rose slides: the reference stain vectors of Macenko et al., ISBI 2009, as their published code has them.
    public static let rose = SlideAppearance(
        haematoxylin: [0.5626, 0.7201, 0.4062], eosin: [0.2159, 0.8012, 0.5581],
        haematoxylinIntensity: 2.0, eosinIntensity: 0.75,
        whiteLevel: [244, 242, 243], blur: 0.4, noise: 3, stainVariation: 0.12)

    /// Violet slides of another laboratory: the stain vectors of Ruifrok and Johnston, Anal Quant Cytol Histol 2001.
    public static let violet: SlideAppearance = {
        var appearance = rose
        appearance.haematoxylin = [0.650, 0.704, 0.286]
        appearance.eosin = [0.072, 0.990, 0.105]
        appearance.haematoxylinIntensity = 1.8
        appearance.eosinIntensity = 0.7
        appearance.whiteLevel = [238, 236, 240]
        return appearance
    }()

    /// Rose slides that were stained too briefly.
    public static let pale: SlideAppearance = {
        var appearance = rose
        appearance.haematoxylinIntensity = 1.2
        appearance.eosinIntensity = 0.45
        return appearance
    }()

    /// Rose slides on a scanner with a warm, ageing lamp and a noisier sensor.
    public static let dim: SlideAppearance = {
        var appearance = rose
        appearance.whiteLevel = [222, 206, 188]
        appearance.noise = 6
        return appearance
    }()

    /// Rose slides scanned out of focus.
    public static let unfocused: SlideAppearance = {
        var appearance = rose
        appearance.blur = 1.8
        return appearance
    }()

    /// The appearances that have a name, by that name.
    public static let named: [String: SlideAppearance] = [
        "rose": rose, "violet": violet, "pale": pale, "dim": dim, "unfocused": unfocused,
    ]
}
