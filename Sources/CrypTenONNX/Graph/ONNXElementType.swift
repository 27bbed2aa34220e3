public import CrypTenExpressions

/// The element type of a tensor in an ONNX model.
///
/// It decides how a value is encoded (``kind``) and in which type an output is written. Arithmetic doesn't depend on it
/// beyond that: reals are computed in fixed point, and whole numbers exactly.
public enum ONNXElementType: String, Hashable, Sendable, Codable, CaseIterable {
    case float, double, float16, bfloat16
    case int8, int16, int32, int64
    case uint8, uint16, uint32, uint64
    case bool

    /// How the elements are encoded: floats as reals, whole numbers as integers, booleans as bits.
    public var kind: ElementKind {
        switch self {
        case .float, .double, .float16, .bfloat16: .real
        case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: .integer
        case .bool: .bit
        }
    }

    /// The type that the standard's number stands for, or nil: strings, complex numbers, and floats and integers of less
    /// than eight bits aren't read.
    package init?(standardNumber: Int32) {
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
            case .bool: .bool
            }
        return Int32(dataType.rawValue)
    }

    /// Bytes of one element in `raw_data` and in external files.
    var size: Int {
        switch self {
        case .double, .int64, .uint64: 8
        case .float, .int32, .uint32: 4
        case .float16, .bfloat16, .int16, .uint16: 2
        case .int8, .uint8, .bool: 1
        }
    }
}
