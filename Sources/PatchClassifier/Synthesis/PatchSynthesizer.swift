/// Makes labelled artificial haematoxylin-and-eosin patches of a lymph node, for demonstrations, load and drift drills.
/// They look like tissue; they say nothing about the accuracy of a model on real tissue.
///
/// The same seed, number, label and appearance give the same bytes on every machine. Another appearance shows the same
/// tissue, stained and scanned differently.
public struct PatchSynthesizer: Sendable {
    /// Width and height of every patch, in pixels.
    public static let side = 96

    public let seed: UInt64
    public let appearance: SlideAppearance

    public init(seed: UInt64, appearance: SlideAppearance = .rose) {
        self.seed = seed
        self.appearance = appearance
    }

    /// Patch `number`; with `tumor`, tumour cells lie in the central 32 x 32 pixels, else there are none at all.
    public func patch(number: Int, tumor: Bool) -> Patch {
        let key = UInt64(bitPattern: Int64(number))
        var layout = RandomStream(seed, key, tumor ? 1 : 0)
        var scan = RandomStream(seed, key, 2)
        var scene = TissueScene(side: Self.side, &layout)
        if tumor { scene.growTumor(&layout) } else { scene.growNormal(&layout) }
        let rgb = SlideScan(appearance: appearance).rgb(of: scene.tissue, &scan)
        return Patch(width: Self.side, height: Self.side, rgb: rgb)
    }
}
