/// The scan of a piece of tissue: light through two stains by Beer and Lambert, blur, sensor noise, 8 bits.
struct SlideScan {
    let appearance: SlideAppearance

    /// RGB values of the tissue, row by row; `random` drives the patch's stain intensities and the noise.
    func rgb(of tissue: Tissue, _ random: inout RandomStream) -> [UInt8] {
        let haematoxylin = density(
            appearance.haematoxylin, appearance.haematoxylinIntensity * variation(&random))
        let eosin = density(appearance.eosin, appearance.eosinIntensity * variation(&random))
        var light = zip(tissue.haematoxylin, tissue.eosin).map { blue, pink in
            let absorbed = haematoxylin * max(blue, 0) + eosin * max(pink, 0)
            return SIMD3(decay(absorbed.x), decay(absorbed.y), decay(absorbed.z)) * appearance.whiteLevel
        }
        blur(&light, side: tissue.side)
        return light.flatMap { pixel in
            let noise = SIMD3(random.normal(), random.normal(), random.normal()) * appearance.noise
            let value = (pixel + noise).clamped(lowerBound: .zero, upperBound: SIMD3(repeating: 255)).rounded(
                .toNearestOrEven)
            return [UInt8(value.x), UInt8(value.y), UInt8(value.z)]
        }
    }

    private func variation(_ random: inout RandomStream) -> Double {
        max(0.2, 1 + appearance.stainVariation * random.normal())
    }

    /// Optical densities of a stain by channel.
    private func density(_ stain: SlideAppearance.Channels, _ intensity: Double) -> SlideAppearance.Channels {
        let length = (stain * stain).sum().squareRoot()
        return length > 0 ? stain * (intensity / length) : .zero
    }

    /// Binomial passes [1 2 1] / 4 in both directions, each of variance 1/2; the last one in part.
    private func blur(_ light: inout [SIMD3<Double>], side: Int) {
        var variance = appearance.blur * appearance.blur
        while variance > 0 {
            let part = min(1, variance / 0.5)
            smooth(&light, part, side: side, step: 1)
            smooth(&light, part, side: side, step: side)
            variance -= 0.5
        }
    }

    /// Mixes each pixel with its two neighbours along one direction; at the edge the pixel is its own neighbour.
    private func smooth(_ light: inout [SIMD3<Double>], _ part: Double, side: Int, step: Int) {
        let sharp = light
        for index in light.indices {
            let place = step == 1 ? index % side : index / side
            let before = place > 0 ? sharp[index - step] : sharp[index]
            let after = place < side - 1 ? sharp[index + step] : sharp[index]
            light[index] = sharp[index] * (1 - part / 2) + (before + after) * (part / 4)
        }
    }
}

/// exp(-x) for x >= 0 from additions and multiplications only, since libm's differs between machines: Taylor's series
/// at x / 64, squared six times. The relative error is below 1e-9 up to x = 8.
func decay(_ x: Double) -> Double {
    let t = -min(x, 40) / 64
    var value = 1 + t * (1 + t / 2 * (1 + t / 3 * (1 + t / 4 * (1 + t / 5 * (1 + t / 6 * (1 + t / 7))))))
    for _ in 0..<6 { value *= value }
    return value
}
