internal import CrypTenRing
internal import Foundation

/// The header of a `.npy` file: a Python dictionary of three entries.
struct NumpyHeader: Equatable {
    /// Kind and size of an element as NumPy writes them, without the byte order: "f4", "i8", "b1".
    var type: String
    var bigEndian: Bool
    var fortranOrder: Bool
    var shape: Shape
    /// Where the numbers start, in bytes from the start of the file.
    var dataOffset: Int
}

extension NumpyFile {
    private static let magic: [UInt8] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]  // \x93NUMPY
    /// The header of a plain array takes some hundred bytes; this is generous.
    private static let longestHeader = 1 << 16

    /// The header at the start of a file's bytes.
    ///
    /// - Parameter allowsTexts: Whether the elements may be texts of one width.
    func header(of bytes: Data, allowsTexts: Bool = false) throws -> NumpyHeader {
        guard !bytes.isEmpty else { throw malformed("it is empty, not a NumPy file") }
        let start = [UInt8](bytes.prefix(12))
        guard start.prefix(6).elementsEqual(Self.magic.prefix(start.count)) else {
            throw malformed("it isn't a NumPy file: it doesn't start with \\x93NUMPY")
        }
        guard start.count >= 10 else { throw malformed("it is truncated in its header") }
        let (length, offset): (Int, Int)
        switch start[6] {
        case 1:
            (length, offset) = (Int(start[8]) | Int(start[9]) << 8, 10)
        case 2, 3:
            guard start.count == 12 else { throw malformed("it is truncated in its header") }
            (length, offset) = ((0..<4).reduce(0) { $0 | Int(start[8 + $1]) << (8 * $1) }, 12)
        default:
            throw malformed("NumPy format version \(start[6]).\(start[7]) isn't known: 1.0, 2.0 and 3.0 are")
        }
        guard length <= Self.longestHeader else { throw malformed("its header claims \(length) bytes") }
        guard bytes.count >= offset + length else { throw malformed("it is truncated in its header") }
        let text = bytes.dropFirst(offset).prefix(length)
        // Versions 1 and 2 are Latin-1, version 3 is UTF-8; field names can't be anything but ASCII in a plain array.
        var parser = PythonLiteralParser(String(decoding: text, as: UTF8.self))
        guard let entries = parser.dictionary() else { throw malformed("its header isn't a Python dictionary") }
        return try header(from: entries, dataOffset: offset + length, allowsTexts: allowsTexts)
    }

    private func header(
        from entries: [String: PythonLiteralParser.Literal],
        dataOffset: Int,
        allowsTexts: Bool
    ) throws -> NumpyHeader {
        let type: String
        switch entries["descr"] {
        case .string(let text)?: type = text
        case .list?: throw malformed("it holds records; one plain type is needed (f2 f4 f8, i1 to i8, u1 to u8, b1)")
        default: throw malformed("its header says no element type ('descr')")
        }
        guard case .boolean(let fortranOrder)? = entries["fortran_order"] else {
            throw malformed("its header says no element order ('fortran_order')")
        }
        guard case .tuple(let extents)? = entries["shape"] else { throw malformed("its header says no shape") }
        guard extents.count <= NumpyFile.largestRank, let shape = try? Shape(checking: extents) else {
            throw malformed("its shape \(extents) isn't one: at most 64 extents of 0 or more, and 2^40 elements in all")
        }
        guard let order = type.first, "<>=|".contains(order) else {
            throw malformed("element type '\(type)' isn't known")
        }
        let plain = String(type.dropFirst())
        if plain.hasPrefix("O") {
            throw malformed("it holds Python objects (pickled), which are never read; save numbers instead")
        }
        guard NumpyFile.elementSizes[plain] != nil || allowsTexts && NumpyFile.width(ofTexts: plain) != nil else {
            throw malformed(
                "element type '\(type)' isn't read here; convert to one of f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1 (x.astype('float32'))"
            )
        }
        return NumpyHeader(
            type: plain,
            bigEndian: order == ">",
            fortranOrder: fortranOrder,
            shape: shape,
            dataOffset: dataOffset
        )
    }
}

/// Reads the little of Python's literals that stands in such a header, without recursion.
struct PythonLiteralParser {
    enum Literal: Equatable {
        case string(String)
        case boolean(Bool)
        case tuple([Int])
        /// A list: records have one; its content doesn't matter.
        case list
    }

    private var rest: Substring

    init(_ text: String) {
        rest = text[...]
    }

    /// `{'key': literal, …}` up to spaces at the end, or nil where it is anything else.
    mutating func dictionary() -> [String: Literal]? {
        var entries: [String: Literal] = [:]
        guard take("{") else { return nil }
        while !take("}") {
            guard let key = string(), take(":"), let value = literal() else { return nil }
            // What follows a list isn't read: records are refused, and their type may be nested.
            if value == .list { return entries.merging([key: value]) { $1 } }
            entries[key] = value
            if !take(",") {
                guard take("}") else { return nil }
                break
            }
        }
        return rest.allSatisfy(\.isWhitespace) ? entries : nil
    }

    private mutating func skipSpaces() {
        rest = rest.drop(while: \.isWhitespace)
    }

    private mutating func take(_ word: String) -> Bool {
        skipSpaces()
        guard rest.hasPrefix(word) else { return false }
        rest = rest.dropFirst(word.count)
        return true
    }

    private mutating func literal() -> Literal? {
        skipSpaces()
        if take("True") { return .boolean(true) }
        if take("False") { return .boolean(false) }
        if take("[") { return .list }
        if let text = string() { return .string(text) }
        return tuple().map { .tuple($0) }
    }

    private mutating func string() -> String? {
        skipSpaces()
        guard let quote = rest.first, quote == "'" || quote == "\"" else { return nil }
        rest = rest.dropFirst()
        guard let end = rest.firstIndex(of: quote) else { return nil }
        let text = rest[..<end]
        rest = rest[rest.index(after: end)...]
        return String(text)
    }

    private mutating func tuple() -> [Int]? {
        guard take("(") else { return nil }
        var numbers: [Int] = []
        while !take(")") {
            skipSpaces()
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == "-") }
            guard let number = Int(digits) else { return nil }
            rest = rest.dropFirst(digits.count)
            _ = take("L")  // Python 2 wrote 3L
            numbers.append(number)
            if !take(",") {
                guard take(")") else { return nil }
                break
            }
        }
        return numbers
    }
}
