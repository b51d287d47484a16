internal import CHDF5
import Foundation
import PatchClassifier

/// Patches and labels as PCam is published: `NAME_x.h5` with a dataset `x`, bytes [patch, row, column, colour], and beside
/// it `NAME_y.h5` with a dataset `y`, bytes [patch, 1, 1, 1], 1 for tumour.
///
/// libhdf5 is not made for several threads: one at a time reads.
struct PatchArchive {
    private let patches: ByteDataset
    private let labels: [UInt8]
    let side: Int

    /// Patches of a file; PCam has 262,144.
    private static let most = 4_000_000

    static func isOne(_ path: String) -> Bool { path.hasSuffix("_x.h5") }

    /// - Throws: `OperationError` that names the file which is no part of such a pair.
    init(_ path: String) throws {
        let labelPath = path.dropLast("_x.h5".count) + "_y.h5"
        patches = try ByteDataset("x", in: path)
        let stored = try ByteDataset("y", in: String(labelPath))
        guard patches.sizes.count == 4, patches.sizes[1] == patches.sizes[2], patches.sizes[3] == 3,
            (1...Patch.sideLimit).contains(patches.sizes[1])
        else {
            throw OperationError("\(path): x is \(patches.sizes), [patches, side, side, 3] was expected")
        }
        guard patches.sizes[0] <= PatchArchive.most else {
            throw OperationError("\(path) claims \(patches.sizes[0]) patches: at most \(PatchArchive.most) are read")
        }
        guard stored.sizes.dropFirst().allSatisfy({ $0 == 1 }), stored.sizes.first == patches.sizes[0] else {
            throw OperationError(
                "\(labelPath): y is \(stored.sizes), one label for each of \(patches.sizes[0]) patches was expected")
        }
        side = patches.sizes[1]
        labels = try stored.rows(0..<patches.sizes[0])
        if let index = labels.firstIndex(where: { $0 > 1 }) {
            throw OperationError("\(labelPath): label \(index) is \(labels[index]), 0 or 1 was expected")
        }
    }

    var count: Int { labels.count }

    /// Patches with their labels, in order.
    func read(_ range: Range<Int>) throws -> [(patch: Patch, isTumor: Bool)] {
        let bytes = try patches.rows(range), size = side * side * 3
        return range.enumerated().map { index, number in
            let rgb = Array(bytes[index * size..<(index + 1) * size])
            return (Patch(width: side, height: side, rgb: rgb), labels[number] == 1)
        }
    }
}

/// A dataset of unsigned bytes in an HDF5 file.
private final class ByteDataset {
    let sizes: [Int]
    private let path: String
    private let file: hid_t
    private let dataset: hid_t

    init(_ name: String, in path: String) throws {
        hdf5_keep_quiet()
        self.path = path
        guard FileManager.default.fileExists(atPath: path) else { throw OperationError("\(path) does not exist") }
        file = hdf5_open(path)
        guard file >= 0 else { throw OperationError("\(path) is no HDF5 file, or a damaged one") }
        dataset = H5Dopen2(file, name, hdf5_default())
        guard dataset >= 0 else {
            H5Fclose(file)
            throw OperationError("\(path) holds no dataset \(name)")
        }
        let (space, type) = (H5Dget_space(dataset), H5Dget_type(dataset))
        defer {
            H5Sclose(space)
            H5Tclose(type)
        }
        let isBytes = H5Tget_class(type) == H5T_INTEGER && H5Tget_size(type) == 1
        var found = [hsize_t](repeating: 0, count: Int(max(0, H5Sget_simple_extent_ndims(space))))
        guard isBytes, H5Sget_simple_extent_dims(space, &found, nil) > 0 else {
            H5Dclose(dataset)
            H5Fclose(file)
            throw OperationError("\(path): \(name) holds no bytes, which were expected")
        }
        sizes = found.map { Int(clamping: $0) }
    }

    deinit {
        H5Dclose(dataset)
        H5Fclose(file)
    }

    /// All bytes of some rows.
    func rows(_ range: Range<Int>) throws -> [UInt8] {
        let space = H5Dget_space(dataset)
        var start = sizes.map { _ in hsize_t(0) }, count = sizes.map { hsize_t($0) }
        (start[0], count[0]) = (hsize_t(range.lowerBound), hsize_t(range.count))
        let memory = H5Screate_simple(Int32(sizes.count), count, nil)
        defer {
            H5Sclose(space)
            H5Sclose(memory)
        }
        let (size, overflow) = sizes.dropFirst().reduce((range.count, false)) { product, next in
            let (value, overflow) = product.0.multipliedReportingOverflow(by: next)
            return (value, product.1 || overflow)
        }
        guard !overflow else { throw OperationError("\(path) claims more bytes than there can be") }
        var bytes = [UInt8](repeating: 0, count: size)
        guard H5Sselect_hyperslab(space, H5S_SELECT_SET, start, nil, count, nil) >= 0,
            H5Dread(dataset, hdf5_bytes(), memory, space, hdf5_default(), &bytes) >= 0
        else { throw OperationError("\(path): rows \(range) cannot be read; the file is damaged") }
        return bytes
    }
}
