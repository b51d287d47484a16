/// Reads `torch.save`'s zip format: `NAME/data.pkl` with the state_dict and `NAME/data/KEY` with each storage's values.
func readPyTorchArchive(_ bytes: [UInt8]) throws(WeightsError) -> [Weights.Tensor] {
    let archive = try ZipArchive(bytes)
    let members = try PyTorchMembers(archive)
    try members.checkByteOrder(in: bytes)
    var reader = PickleReader(bytes, in: members.stateDict, subject: "the archive's state_dict")
    let root = try reader.read()
    guard reader.cursor.remaining == 0 else {
        throw WeightsError(
            .trailingData, "\(reader.cursor.remaining) bytes follow the state_dict's pickle, its end was expected")
    }
    return try StateDict(root, from: reader).tensors(in: bytes, places: members.storages)
}

/// An archive's entries by their role, under the one folder they share.
private struct PyTorchMembers {
    let stateDict: Range<Int>
    let storages: [String: Range<Int>]
    private let byteOrder: Range<Int>?

    /// Entries that say nothing about the values.
    private static let ignored: Set = ["version", ".format_version", ".storage_alignment", ".data/serialization_id"]

    init(_ archive: ZipArchive) throws(WeightsError) {
        let pickle = "/data.pkl"
        guard let stateDict = archive.entries.first(where: { $0.name.hasSuffix(pickle) }) else {
            throw WeightsError(.archive, "the archive holds no 'NAME/data.pkl', as torch.save writes it")
        }
        let folder = stateDict.name.dropLast(pickle.count) + "/"
        var (storages, byteOrder): ([String: Range<Int>], Range<Int>?) = ([:], nil)
        for entry in archive.entries {
            let path = entry.name.dropFirst(folder.count)
            if entry.name.hasPrefix(folder), path == "byteorder" {
                byteOrder = entry.place
            } else if entry.name.hasPrefix(folder), path.hasPrefix("data/"), !path.dropFirst(5).contains("/") {
                storages[String(path.dropFirst(5))] = entry.place
            } else if !entry.name.hasPrefix(folder) || !(path == "data.pkl" || Self.ignored.contains(String(path))) {
                throw WeightsError(
                    .archive,
                    "the archive holds \(quoted(entry.name)), which is no part of a state_dict: only data.pkl, data/*, "
                        + "byteorder and version under one folder were expected")
            }
        }
        (self.stateDict, self.storages, self.byteOrder) = (stateDict.place, storages, byteOrder)
    }

    /// Archives without the entry are from PyTorch before 2.1, which wrote little-endian values on every usual machine.
    func checkByteOrder(in bytes: [UInt8]) throws(WeightsError) {
        guard let byteOrder, !bytes[byteOrder].elementsEqual("little".utf8) else { return }
        throw WeightsError(.byteOrder, "the archive's values are not in byte order 'little', as was expected")
    }
}
