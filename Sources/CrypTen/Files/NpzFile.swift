internal import CrypTenBase
public import CrypTenExpressions
public import Foundation

/// Named tensors in an `.npz` file, as NumPy's `savez` writes them: a zip archive of `.npy` files that isn't compressed.
///
/// ```swift
/// let file = try NpzFile(contentsOf: url)
/// let weight = try file.tensor("fc.weight")
/// ```
public struct NpzFile: Sendable {
    /// The tensors' names, without `.npy`, in the archive's order.
    public let names: [String]

    private let archive: ZipArchive
    private let data: Data
    private let places: [String: Int]

    /// Opens a file, and checks its directory.
    ///
    /// - Throws: `.fileNotReadable` where it can't be read; `.malformedFile` where it is no zip archive, is compressed, as `savez_compressed` makes
    ///   it, or encrypted, has two tensors of one name, or something else than arrays.
    public init(contentsOf url: URL) throws {
        let reader = ZipReader(url)
        try self.init(reader.contents(of: url), reader)
    }

    /// Opens a file's bytes; `name` stands for the file in messages.
    public init(bytes: Data, name: String = "npz file") throws {
        try self.init(bytes, ZipReader(name: name))
    }

    private init(_ bytes: Data, _ reader: ZipReader) throws {
        archive = try reader.archive(in: bytes)
        data = bytes
        names = try archive.entries.map { entry in
            guard entry.name.hasSuffix(NpzFile.suffix) else {
                throw reader.malformed("'\(entry.name)' in it isn't a .npy file; np.savez writes none but those")
            }
            return String(entry.name.dropLast(NpzFile.suffix.count))
        }
        try reader.checkDistinct(names)
        places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    }

    private static let suffix = ".npy"

    /// A tensor, as ``Tensor/init(contentsOfNumpyFile:)`` reads it.
    ///
    /// - Throws: `.invalidArgument` for a name that the file hasn't; `.malformedFile` for an array that was damaged or can't be read.
    public func tensor(_ name: String) throws -> Tensor {
        guard let index = places[name] else {
            throw CrypTenError(.invalidArgument, "\(archive.reader.name) has no tensor '\(name)'")
        }
        return try Tensor(
            numpyFileBytes: archive.contents(of: archive.entries[index], in: data),
            name: "\(archive.reader.name), '\(name)'"
        )
    }

    /// All tensors, in the archive's order.
    ///
    /// - Throws: as ``tensor(_:)``.
    public func tensors() throws -> [(name: String, tensor: Tensor)] {
        try names.map { ($0, try tensor($0)) }
    }

    // MARK: Writing

    /// Writes a file of tensors, each in its own type, that `np.load` reads.
    ///
    /// - Throws: `.invalidArgument` for two tensors of one name, more than 65,534 of them, or more than 4 GiB in all, for which there is
    ///   ``SafetensorsFile``; `.fileNotReadable` where the file can't be written.
    public static func write(_ tensors: [(name: String, tensor: Tensor)], to url: URL) throws {
        try ZipReader(url).write(bytes(of: tensors), to: url)
    }

    /// The bytes of a file.
    ///
    /// - Throws: `.invalidArgument` as ``write(_:to:)``.
    public static func bytes(of tensors: [(name: String, tensor: Tensor)]) throws -> Data {
        var writer = ZipWriter()
        for (name, tensor) in tensors { try writer.add(name + suffix, tensor.numpyFileBytes) }
        return try writer.finish()
    }
}
