public import CrypTenExpressions

/// The element type of a tensor in an ONNX model.
///
/// It decides how a value is encoded (``kind``) and in which type an output is written. Arithmetic doesn't depend on it
/// beyond that: reals are computed in fixed point, and whole numbers exactly.
public enum ONNXElementType: String, Hashable, Sendable, Codable, CaseIterable {
    case float, double, float16, bfloat16
    case int8, int16, int32, int64
    case uint8, uint16, uint32, uint64
    /// Two or four in a byte, as weights are packed; the first in the low bits.
    case int4, uint4, int2, uint2
    case bool

    /// How the elements are encoded: floats as reals, whole numbers as integers, booleans as bits.
    public var kind: ElementKind {
        switch self {
        case .float, .double, .float16, .bfloat16: .real
        case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .int4, .uint4, .int2, .uint2:
            .integer
        case .bool: .bit
        }
    }

    /// The types of fewer than eight bits, which are younger than the schema's list.
    private static let youngerNumbers: [(type: ONNXElementType, number: Int32)] = [
        (.uint4, 21), (.int4, 22), (.uint2, 25), (.int2, 26),
    ]

    /// The type that the standard's number stands for, or nil: strings, complex numbers and floats of eight bits or fewer
    /// aren't read.
    package init?(standardNumber: Int32) {
        if let younger = ONNXElementType.youngerNumbers.first(where: { $0.number == standardNumber }) {
            self = younger.type
            return
        }
        guard let dataType = Onnx_TensorProto.DataType(rawValue: Int(standardNumber)) else { return nil }
        switch dataType {
        case .float: self = .float
        case .double: self = .double
        case .float16: self = .float16
        case .bfloat16: self = .bfloat16
        case .int8: self = .int8
        case .int16: self = .int16
        case .int32: self = .int32
        case .int64: self = .int64
        case .uint8: self = .uint8
        case .uint16: self = .uint16
        case .uint32: self = .uint32
        case .uint64: self = .uint64
        case .bool: self = .bool
        case .undefined, .string, .complex64, .complex128, .UNRECOGNIZED: return nil
        }
    }

    /// The standard's number for this type.
    package var standardNumber: Int32 {
        let dataType: Onnx_TensorProto.DataType =
            switch self {
            case .float: .float
            case .double: .double
            case .float16: .float16
            case .bfloat16: .bfloat16
            case .int8: .int8
            case .int16: .int16
            case .int32: .int32
            case .int64: .int64
            case .uint8: .uint8
            case .uint16: .uint16
            case .uint32: .uint32
            case .uint64: .uint64
            case .int4: .UNRECOGNIZED(22)
            case .uint4: .UNRECOGNIZED(21)
            case .int2: .UNRECOGNIZED(26)
            case .uint2: .UNRECOGNIZED(25)
            case .bool: .bool
            }
        return Int32(dataType.rawValue)
    }

    /// Bits of one element in `raw_data` and in external files.
    var bits: Int {
        switch self {
        case .double, .int64, .uint64: 64
        case .float, .int32, .uint32: 32
        case .float16, .bfloat16, .int16, .uint16: 16
        case .int8, .uint8, .bool: 8
        case .int4, .uint4: 4
        case .int2, .uint2: 2
        }
    }

    /// Bytes of so many elements there.
    func bytes(of count: Int) -> Int {
        bits < 8 ? (count + 8 / bits - 1) / (8 / bits) : count * (bits / 8)
    }

    /// What its whole numbers are, where they fit 64 bits with a sign; nil for floats and bits.
    var integers: ClosedRange<Int64>? {
        guard kind == .integer, self != .uint64 else { return kind == .integer ? 0...Int64.max : nil }
        switch self {
        case .uint2, .uint4, .uint8, .uint16, .uint32: return 0...(1 << Int64(bits)) - 1
        default: return bits == 64 ? Int64.min...Int64.max : -(1 << Int64(bits - 1))...(1 << Int64(bits - 1)) - 1
        }
    }
}
