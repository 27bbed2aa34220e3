internal import CrypTenBase
package import CrypTenExpressions
internal import CrypTenRing
package import Foundation

extension NumpyFile {
    /// Bytes of one element, by its type.
    static let elementSizes: [String: Int] = [
        "f2": 2, "f4": 4, "f8": 8, "i1": 1, "i2": 2, "i4": 4, "i8": 8, "u1": 1, "u2": 2, "u4": 4, "u8": 8, "b1": 1,
    ]

    /// The tensor in a file's bytes.
    ///
    /// Nothing is allocated before the file is known to be long enough.
    func tensor(in bytes: Data) throws -> Tensor {
        let header = try header(of: bytes)
        let needed = header.shape.count * NumpyFile.elementSizes[header.type]!
        let data = bytes.dropFirst(header.dataOffset)
        guard data.count >= needed else {
            throw malformed(
                "it is truncated: shape \(header.shape) of \(header.type) takes \(needed) bytes, and \(data.count) are there"
            )
        }
        guard data.count == needed else {
            throw malformed("\(data.count - needed) bytes follow the numbers of shape \(header.shape)")
        }
        let elements = try elements(of: header.type, in: data, count: header.shape.count, bigEndian: header.bigEndian)
        guard header.fortranOrder, header.shape.rank > 1 else { return Tensor(elements, shape: header.shape) }
        return Tensor(elements.transposedToRowMajor(header.shape), shape: header.shape)
    }

}

extension TensorFileReader {
    /// Numbers of one of NumPy's types, which must be there.
    ///
    /// - Throws: `.outOfRange` for a number above 2^63 − 1.
    func elements(of type: String, in data: Data, count: Int, bigEndian: Bool = false) throws -> Tensor.Elements {
        func words<Word: FixedWidthInteger & BitwiseCopyable>(_ type: Word.Type) -> [Word] {
            data.numbers(of: type, count: count, bigEndian: bigEndian)
        }
        switch type {
        case "f2": return .float(words(UInt16.self).map { Float(halfBits: $0) })
        case "f4": return .float(words(UInt32.self).map { Float(bitPattern: $0) })
        case "f8": return .double(words(UInt64.self).map { Double(bitPattern: $0) })
        case "i1": return .int32(words(Int8.self).map { Int32($0) })
        case "u1": return .int32(words(UInt8.self).map { Int32($0) })
        case "i2": return .int32(words(Int16.self).map { Int32($0) })
        case "u2": return .int32(words(UInt16.self).map { Int32($0) })
        case "i4": return .int32(words(Int32.self))
        case "u4": return .int64(words(UInt32.self).map { Int64($0) })
        case "i8": return .int64(words(Int64.self))
        case "u8":
            let values = words(UInt64.self)
            if let index = values.firstIndex(where: { $0 > UInt64(Int64.max) }) {
                throw CrypTenError(.outOfRange, "\(name): the number at index \(index) is above 2^63 − 1")
            }
            return .int64(values.map { Int64($0) })
        case "b1": return .bool(words(UInt8.self).map { $0 != 0 })
        default: preconditionFailure("the type was checked when the header was read")
        }
    }
}

extension Tensor.Elements {
    /// These elements, which lie in column-major order, in row-major order.
    fileprivate func transposedToRowMajor(_ shape: Shape) -> Tensor.Elements {
        func reordered<Element>(_ values: [Element]) -> [Element] {
            var columnStrides = [Int](repeating: 1, count: shape.rank)
            for axis in 1..<shape.rank { columnStrides[axis] = columnStrides[axis - 1] * shape[axis - 1] }
            var position = [Int](repeating: 0, count: shape.rank)
            var offset = 0
            return values.indices.map { _ in
                let here = values[offset]
                for axis in stride(from: shape.rank - 1, through: 0, by: -1) {
                    position[axis] += 1
                    offset += columnStrides[axis]
                    if position[axis] < shape[axis] { break }
                    offset -= position[axis] * columnStrides[axis]
                    position[axis] = 0
                }
                return here
            }
        }
        switch self {
        case .float(let values): return .float(reordered(values))
        case .double(let values): return .double(reordered(values))
        case .int32(let values): return .int32(reordered(values))
        case .int64(let values): return .int64(reordered(values))
        case .bool(let values): return .bool(reordered(values))
        }
    }
}

extension Tensor {
    /// The bytes of a `.npy` file, format version 1.0, little-endian, C order.
    package var numpyFileBytes: Data {
        let type =
            switch elements {
            case .float: "<f4"
            case .double: "<f8"
            case .int32: "<i4"
            case .int64: "<i8"
            case .bool: "|b1"
            }
        var out = Data(numpyHeaderOf: type, shape: shape)
        out.append(elements.littleEndianBytes)
        return out
    }
}

extension Data {
    /// What a `.npy` file of format version 1.0 begins with; elements follow in C order.
    fileprivate init(numpyHeaderOf type: String, shape: Shape) {
        let extents = shape.dimensions.map(String.init).joined(separator: ", ") + (shape.rank == 1 ? "," : "")
        var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(extents)), }"
        // Ten bytes come before, a line feed after; NumPy aligns the numbers at 64 bytes.
        header += String(repeating: " ", count: (64 - (header.utf8.count + 11) % 64) % 64) + "\n"
        self.init([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0])
        append(contentsOf: [UInt8(header.utf8.count & 0xff), UInt8(header.utf8.count >> 8)])
        append(contentsOf: Array(header.utf8))
    }
}

extension Tensor {
    /// The bytes of a `.npy` file of texts of one width (`<U…`), picked by these numbers, which are places in a list.
    ///
    /// - Throws: `.outOfRange` for a number that is no place of it.
    package func numpyFileBytes(ofTexts texts: [String]) throws -> Data {
        let width = max(1, texts.lazy.map(\.unicodeScalars.count).max() ?? 0)
        let words = texts.map { text in
            let scalars = text.unicodeScalars.map { $0.value.littleEndian }
            return (scalars + [UInt32](repeating: 0, count: width - scalars.count)).withUnsafeBytes { Data($0) }
        }
        var out = Data(numpyHeaderOf: "<U\(width)", shape: shape)
        for place in integers ?? [] {
            guard let index = Int(exactly: place), words.indices.contains(index) else {
                throw CrypTenError(.outOfRange, "a text of place \(place) is asked for, and there are \(texts.count)")
            }
            out.append(words[index])
        }
        return out
    }
}

extension Tensor.Elements {
    /// The numbers one after another, each in its own type; a truth value is a byte.
    var littleEndianBytes: Data {
        func bytes<Word: FixedWidthInteger>(_ words: [Word]) -> Data {
            words.map(\.littleEndian).withUnsafeBytes { Data($0) }
        }
        return switch self {
        case .float(let values): bytes(values.map(\.bitPattern))
        case .double(let values): bytes(values.map(\.bitPattern))
        case .int32(let values): bytes(values)
        case .int64(let values): bytes(values)
        case .bool(let values): bytes(values.map { $0 ? UInt8(1) : 0 })
        }
    }
}
