extension String {
    /// The text with what `replacement` gives in place of a scalar, wherever it gives something.
    ///
    /// Other programs read texts scalar by scalar or byte by byte. A `Character` is more than that: a quotation mark with
    /// a combining character behind it is another Character, which `replacing` would not find.
    func replacingScalars(_ replacement: (Unicode.Scalar) -> String?) -> String {
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if let replaced = replacement(scalar) {
                text += replaced.unicodeScalars
            } else {
                text.append(scalar)
            }
        }
        return String(text)
    }
}
