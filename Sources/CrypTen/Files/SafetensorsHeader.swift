internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing
internal import Foundation

/// The types of elements that are read of a safetensors file.
enum SafetensorsType: String {
    case f64 = "F64"
    case f32 = "F32"
    case f16 = "F16"
    case bf16 = "BF16"
    case i64 = "I64"
    case i32 = "I32"
    case i16 = "I16"
    case i8 = "I8"
    case u64 = "U64"
    case u32 = "U32"
    case u16 = "U16"
    case u8 = "U8"
    case bool = "BOOL"

    /// The type in which elements are written.
    init(_ elements: Tensor.Elements) {
        self =
            switch elements {
            case .double: .f64
            case .float: .f32
            case .int64: .i64
            case .int32: .i32
            case .bool: .bool
            }
    }

    var size: Int {
        switch self {
        case .f64, .i64, .u64: 8
        case .f32, .i32, .u32: 4
        case .f16, .bf16, .i16, .u16: 2
        case .i8, .u8, .bool: 1
        }
    }
}

/// What the header of a safetensors file says.
struct SafetensorsHeader {
    struct Entry {
        var name: String
        var type: SafetensorsType
        var shape: Shape
        /// Where the numbers lie, in bytes from the end of the header.
        var place: Range<Int>
    }

    /// The tensors, in the order in which their numbers lie.
    var entries: [Entry]
    var metadata: [String: String]
    /// Where the numbers start, in bytes from the start of the file.
    var dataOffset: Int

    /// The first bytes of a file, whose tensors' numbers follow in their order.
    ///
    /// Spaces fill the header up, so that the numbers start at a multiple of 8.
    ///
    /// - Throws: `.invalidArgument` for two tensors of one name, and for what would be metadata.
    static func bytes(
        of tensors: [(name: String, type: SafetensorsType, shape: Shape)],
        metadata: [String: String]
    ) throws -> Data {
        var parts: [String] = []
        if !metadata.isEmpty {
            let texts = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
            parts.append("\(quoted(SafetensorsReader.metadataName)):{\(texts.joined(separator: ","))}")
        }
        var (seen, end): (Set<String>, Int) = ([SafetensorsReader.metadataName], 0)
        for (name, type, shape) in tensors {
            guard seen.insert(name).inserted else {
                throw CrypTenError(.invalidArgument, "a safetensors file can't hold two tensors '\(name)'")
            }
            let start = end
            end += shape.count * type.size
            let extents = shape.dimensions.map(String.init).joined(separator: ",")
            parts.append(
                "\(quoted(name)):{\"dtype\":\"\(type.rawValue)\",\"shape\":[\(extents)],\"data_offsets\":[\(start),\(end)]}"
            )
        }
        var text = Array("{\(parts.joined(separator: ","))}".utf8)
        text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + Data(text)
    }

    /// A text as JSON has it.
    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}

/// Reads headers of safetensors files.
struct SafetensorsReader: TensorFileReader {
    let name: String

    /// Where the texts stand.
    static let metadataName = "__metadata__"
    /// The format's own limit.
    private static let longestHeader = 100_000_000

    /// The header at the start of a file's bytes, which must be all there.
    func header(of bytes: Data) throws -> SafetensorsHeader {
        guard bytes.count >= 8 else { throw malformed("it is too short for a safetensors file") }
        let length = bytes.numbers(of: UInt64.self, count: 1)[0]
        guard length <= UInt64(SafetensorsReader.longestHeader) else {
            throw malformed("it isn't a safetensors file: its header claims \(length) bytes")
        }
        guard bytes.count - 8 >= Int(length) else { throw malformed("it is truncated in its header") }
        let offset = 8 + Int(length)
        var parser = SafetensorsHeaderParser(bytes.dropFirst(8).prefix(Int(length)))
        let (entries, metadata): ([SafetensorsHeaderParser.Entry], [String: String])
        do {
            (entries, metadata) = try parser.header()
        } catch let problem as SafetensorsHeaderParser.Problem {
            throw malformed("its header \(problem.what), at byte \(problem.place + 8)")
        }
        try checkDistinct(entries.map(\.name))
        return SafetensorsHeader(
            entries: try placed(entries, in: bytes.count - offset),
            metadata: metadata,
            dataOffset: offset
        )
    }

    /// The tensors in the order of their places, which fill the bytes there are.
    private func placed(_ entries: [SafetensorsHeaderParser.Entry], in count: Int) throws -> [SafetensorsHeader.Entry] {
        var end = 0
        let sorted = entries.enumerated().sorted {
            ($0.element.offsets[0], $0.element.offsets[1], $0.offset) < (
                $1.element.offsets[0], $1.element.offsets[1], $1.offset
            )
        }
        let placed = try sorted.map { _, entry in
            guard let type = SafetensorsType(rawValue: entry.type) else {
                throw malformed(
                    "tensor '\(entry.name)' is of type \(entry.type), which isn't read here; save it as F32"
                )
            }
            guard let shape = try? Shape(checking: entry.shape) else {
                throw malformed(
                    "tensor '\(entry.name)' has extents \(entry.shape), which aren't a shape: at most 64, and 2^40 elements in all"
                )
            }
            let place = entry.offsets[0]..<max(entry.offsets[0], entry.offsets[1])
            guard entry.offsets[1] >= place.lowerBound, place.upperBound <= count else {
                throw malformed(
                    "tensor '\(entry.name)' lies at bytes \(entry.offsets[0]) to \(entry.offsets[1]), and \(count) are there; it is "
                        + "truncated, or no safetensors file"
                )
            }
            guard place.count == shape.count * type.size else {
                throw malformed(
                    "tensor '\(entry.name)' of shape \(shape) and type \(type.rawValue) can't take \(place.count) bytes"
                )
            }
            guard place.lowerBound == end else {
                throw malformed(
                    "tensor '\(entry.name)' \(place.lowerBound < end ? "overlaps another" : "lies behind a hole")"
                )
            }
            end = place.upperBound
            return SafetensorsHeader.Entry(name: entry.name, type: type, shape: shape, place: place)
        }
        guard end == count else { throw malformed("\(count - end) bytes follow its tensors") }
        return placed
    }

    /// The numbers of a type, which must be there.
    func elements(of type: SafetensorsType, in bytes: Data, count: Int) throws -> Tensor.Elements {
        let numpy: String
        switch type {
        case .bf16:
            let words = bytes.numbers(of: UInt16.self, count: count)
            return .float(words.map { Float(bitPattern: UInt32($0) << 16) })
        case .bool: numpy = "b1"
        default: numpy = "\(type.rawValue.prefix(1).lowercased())\(type.size)"
        }
        return try elements(of: numpy, in: bytes, count: count)
    }
}
