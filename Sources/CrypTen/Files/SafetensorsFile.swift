internal import CrypTenBase
public import CrypTenExpressions
public import CrypTenRing
public import Foundation

/// Named tensors in a file of the safetensors format, as PyTorch's models are exchanged.
///
/// Eight bytes say how long the header is; the header is a JSON object of each tensor's type, shape and place, and of texts under
/// `__metadata__`; the numbers follow. No code is in such a file, and nothing of it is trusted: lengths, places and names are checked before
/// a number is read.
///
/// ```swift
/// let file = try SafetensorsFile(contentsOf: url)
/// let weight = try file.tensor("fc.weight")
/// ```
/// > [The format](https://github.com/huggingface/safetensors), which demands that the tensors fill the file without holes.
public struct SafetensorsFile: Sendable {
    /// The tensors' names, in the order in which their numbers lie.
    public var names: [String] { header.entries.map(\.name) }
    /// Texts that whoever wrote the file has left there.
    public var metadata: [String: String] { header.metadata }

    let header: SafetensorsHeader
    private let reader: SafetensorsReader
    private let data: Data
    private let places: [String: Int]

    /// Opens a file, and checks all but the numbers.
    ///
    /// - Throws: `.fileNotReadable` where it can't be read; `.malformedFile` where it is no such file, or holds tensors whose places overlap,
    ///   leave holes or lie outside, two of one name, or of a type that isn't read: `F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL` are.
    /// - Complexity: linear in the header; the numbers are read when they are asked for.
    public init(contentsOf url: URL) throws {
        let reader = SafetensorsReader(url)
        try self.init(reader.contents(of: url), reader)
    }

    /// Opens a file's bytes; `name` stands for the file in messages.
    public init(bytes: Data, name: String = "safetensors file") throws {
        try self.init(bytes, SafetensorsReader(name: name))
    }

    private init(_ bytes: Data, _ reader: SafetensorsReader) throws {
        header = try reader.header(of: bytes)
        data = bytes
        self.reader = reader
        places = Dictionary(uniqueKeysWithValues: header.entries.enumerated().map { ($1.name, $0) })
    }

    /// A tensor's shape, or nil for a name that the file hasn't.
    public func shape(of name: String) -> Shape? {
        places[name].map { header.entries[$0].shape }
    }

    /// A tensor; its elements become `.double` (F64), `.float` (F32, F16, BF16), `.int64` (I64, U64, U32), `.int32` (I32 and shorter) or `.bool`.
    ///
    /// - Throws: `.invalidArgument` for a name that the file hasn't; `.outOfRange` for a number above 2^63 − 1.
    public func tensor(_ name: String) throws -> Tensor {
        let (entry, bytes) = try entry(name)
        return Tensor(try reader.elements(of: entry.type, in: bytes, count: entry.shape.count), shape: entry.shape)
    }

    /// All tensors, in the file's order.
    ///
    /// - Throws: as ``tensor(_:)``.
    public func tensors() throws -> [(name: String, tensor: Tensor)] {
        try names.map { ($0, try tensor($0)) }
    }

    /// Words of 64 bits.
    ///
    /// - Throws: `.malformedFile` for a tensor of another type; as ``tensor(_:)``.
    package func words(_ name: String) throws -> RingTensor {
        let (entry, bytes) = try entry(name)
        guard entry.type == .u64 else {
            throw reader.malformed("tensor '\(name)' holds \(entry.type.rawValue), not U64")
        }
        var words = RingTensor(uninitialized: entry.shape)
        words.withMutableWords { out in
            bytes.withUnsafeBytes { bytes in
                for index in 0..<entry.shape.count {
                    out[index] = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
                }
            }
        }
        return words
    }

    private func entry(_ name: String) throws -> (SafetensorsHeader.Entry, Data) {
        guard let place = places[name] else {
            throw CrypTenError(.invalidArgument, "\(reader.name) has no tensor '\(name)'")
        }
        let entry = header.entries[place]
        return (entry, data.dropFirst(header.dataOffset + entry.place.lowerBound).prefix(entry.place.count))
    }

    // MARK: Writing

    /// Writes a file of tensors, each in its own type: F64, F32, I64, I32 or BOOL.
    ///
    /// - Parameters:
    ///   - tensors: Under names that differ.
    ///   - metadata: Texts for whoever reads the file.
    ///   - url: Where.
    /// - Throws: `.invalidArgument` for two tensors of one name; `.fileNotReadable` where the file can't be written.
    public static func write(
        _ tensors: [(name: String, tensor: Tensor)],
        metadata: [String: String] = [:],
        to url: URL
    ) throws {
        try SafetensorsReader(url).write(bytes(of: tensors, metadata: metadata), to: url)
    }

    /// The bytes of a file.
    ///
    /// - Throws: `.invalidArgument` for two tensors of one name.
    public static func bytes(
        of tensors: [(name: String, tensor: Tensor)],
        metadata: [String: String] = [:]
    ) throws -> Data {
        let forms = tensors.map { (name: $0.name, type: SafetensorsType($0.tensor.elements), shape: $0.tensor.shape) }
        var out = try SafetensorsHeader.bytes(of: forms, metadata: metadata)
        for (_, tensor) in tensors { out.append(tensor.elements.littleEndianBytes) }
        return out
    }
}
