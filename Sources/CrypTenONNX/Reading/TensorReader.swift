internal import CrypTen
internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing
internal import Foundation

/// Reads a `TensorProto`: its type, its shape and, where they are there, its numbers.
struct TensorReader {
    let file: ModelFile
    /// Whether a tensor may come without numbers: in a skeleton that is a secret constant.
    let allowsMissingNumbers: Bool

    /// - Throws: `CrypTenError.Code.malformedFile` where the type isn't read or the data don't fit the shape;
    ///   `.outOfRange` for whole numbers above 2^63 − 1.
    func read(_ tensor: Onnx_TensorProto, name: String) throws -> (type: ONNXElementType, shape: Shape, tensor: Tensor?)
    {
        guard let type = ONNXElementType(standardNumber: tensor.dataType) else {
            throw file.problem.malformed(
                "tensor \(name) has element type \(elementTypeName(tensor.dataType)), which isn't read; convert it to float or int64"
            )
        }
        guard let dimensions = tensor.dims.map({ Int(exactly: $0) }) as? [Int], dimensions.count <= 64,
            let shape = try? Shape(checking: dimensions)
        else {
            throw file.problem.malformed("tensor \(name) has extents \(tensor.dims), which aren't a shape")
        }
        if tensor.dataLocation == .external {
            let bytes = try file.externalBytes(tensor.externalData, needed: type.bytes(of: shape.count), tensor: name)
            return (
                type, shape, Tensor(try elements(of: type, in: bytes, count: shape.count, name: name), shape: shape)
            )
        }
        if !tensor.rawData.isEmpty {
            guard tensor.rawData.count == type.bytes(of: shape.count) else {
                throw file.problem.malformed(
                    "tensor \(name) of shape \(shape) takes \(type.bytes(of: shape.count)) bytes, but \(tensor.rawData.count) are there"
                )
            }
            return (
                type, shape,
                Tensor(try elements(of: type, in: tensor.rawData, count: shape.count, name: name), shape: shape)
            )
        }
        let elements = try typedElements(of: tensor, type: type, count: shape.count, name: name)
        if elements.count == 0, shape.count > 0, allowsMissingNumbers { return (type, shape, nil) }
        guard elements.count == shape.count else {
            throw file.problem.malformed(
                "tensor \(name) of shape \(shape) has \(shape.count) elements, but \(elements.count) \(type.rawValue) numbers are there"
            )
        }
        return (type, shape, Tensor(elements, shape: shape))
    }

    /// Little-endian numbers one after another.
    private func elements(of type: ONNXElementType, in bytes: Data, count: Int, name: String) throws -> Tensor.Elements
    {
        switch type {
        case .float: return .float(bytes.numbers(of: UInt32.self, count: count) { Float(bitPattern: $0) })
        case .double: return .double(bytes.numbers(of: UInt64.self, count: count) { Double(bitPattern: $0) })
        case .float16: return .float(bytes.numbers(of: UInt16.self, count: count) { Float(halfBits: $0) })
        case .bfloat16:
            return .float(bytes.numbers(of: UInt16.self, count: count) { Float(bitPattern: UInt32($0) << 16) })
        case .int8: return .int32(bytes.numbers(of: Int8.self, count: count) { Int32($0) })
        case .int16: return .int32(bytes.numbers(of: Int16.self, count: count) { Int32($0) })
        case .int32: return .int32(bytes.numbers(of: Int32.self, count: count))
        case .int64: return .int64(bytes.numbers(of: Int64.self, count: count))
        case .uint8: return .int32(bytes.numbers(of: UInt8.self, count: count) { Int32($0) })
        case .uint16: return .int32(bytes.numbers(of: UInt16.self, count: count) { Int32($0) })
        case .uint32: return .int64(bytes.numbers(of: UInt32.self, count: count) { Int64($0) })
        case .uint64: return .int64(try signed(bytes.numbers(of: UInt64.self, count: count), name: name))
        case .int4, .uint4, .int2, .uint2:
            return .int32(parts(bytes.numbers(of: UInt8.self, count: bytes.count), count: count, type))
        case .bool: return .bool(bytes.numbers(of: UInt8.self, count: count) { $0 != 0 })
        }
    }

    /// The numbers in the field that the standard has for the type.
    private func typedElements(
        of tensor: Onnx_TensorProto,
        type: ONNXElementType,
        count: Int,
        name: String
    ) throws -> Tensor.Elements {
        func narrow(_ range: ClosedRange<Int32>) throws -> [Int32] {
            if let index = tensor.int32Data.firstIndex(where: { !range.contains($0) }) {
                throw file.problem.malformed(
                    "tensor \(name) holds a number at index \(index) that is no \(type.rawValue)"
                )
            }
            return tensor.int32Data
        }
        switch type {
        case .float: return .float(tensor.floatData)
        case .double: return .double(tensor.doubleData)
        case .float16: return .float(try narrow(0...0xffff).map { Float(halfBits: UInt16($0)) })
        case .bfloat16: return .float(try narrow(0...0xffff).map { Float(bitPattern: UInt32($0) << 16) })
        case .int8: return .int32(try narrow(-0x80...0x7f))
        case .int16: return .int32(try narrow(-0x8000...0x7fff))
        case .int32: return .int32(tensor.int32Data)
        case .int64: return .int64(tensor.int64Data)
        case .uint8: return .int32(try narrow(0...0xff))
        case .uint16: return .int32(try narrow(0...0xffff))
        case .uint32, .uint64: return .int64(try signed(tensor.uint64Data, name: name))
        case .int4, .uint4, .int2, .uint2:
            let bytes = try narrow(-0x80...0xff).map { UInt8(truncatingIfNeeded: $0) }
            return .int32(bytes.count == type.bytes(of: count) ? parts(bytes, count: count, type) : [])
        case .bool: return .bool(tensor.int32Data.map { $0 != 0 })
        }
    }

    /// Numbers of fewer than eight bits: the first has a byte's low bits.
    private func parts(_ bytes: [UInt8], count: Int, _ type: ONNXElementType) -> [Int32] {
        let perByte = 8 / type.bits
        return (0..<count).map { index in
            Int32(type.wrapping(Int64(bytes[index / perByte] >> (index % perByte * type.bits) & (1 << type.bits - 1))))
        }
    }

    private func signed(_ values: [UInt64], name: String) throws -> [Int64] {
        if let index = values.firstIndex(where: { $0 > UInt64(Int64.max) }) {
            throw CrypTenError(
                .outOfRange,
                "\(file.name): tensor \(name) holds a number at index \(index) above 2^63 − 1"
            )
        }
        return values.map { Int64($0) }
    }
}

extension Data {
    /// What is made of the first `count` little-endian words, in one pass; there must be as many bytes as they take.
    fileprivate func numbers<Word: FixedWidthInteger & BitwiseCopyable, Number>(
        of type: Word.Type,
        count: Int,
        _ number: (Word) -> Number
    ) -> [Number] {
        let size = MemoryLayout<Word>.size
        precondition(
            count >= 0 && self.count / size >= count,
            "\(self.count) bytes don't hold \(count) numbers of \(size) bytes"
        )
        return withUnsafeBytes { bytes in
            [Number](unsafeUninitializedCapacity: count) { numbers, filled in
                for index in 0..<count {
                    let word = bytes.loadUnaligned(fromByteOffset: index * size, as: Word.self)
                    numbers.initializeElement(at: index, to: number(Word(littleEndian: word)))
                }
                filled = count
            }
        }
    }
}

/// The standard's name of an element type, for messages; "type 77" where it is younger than our list.
func elementTypeName(_ number: Int32) -> String {
    if let type = ONNXElementType(standardNumber: number) { return type.rawValue }
    switch Onnx_TensorProto.DataType(rawValue: Int(number)) {
    case .string?: return "string"
    case .complex64?: return "complex64"
    case .complex128?: return "complex128"
    case .UNRECOGNIZED(let younger)?:
        let names = [
            17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 23: "float4e2m1",
            24: "float8e8m0",
        ]
        return names[younger] ?? "number \(number)"
    default: return number == 0 ? "undefined" : "number \(number)"
    }
}
