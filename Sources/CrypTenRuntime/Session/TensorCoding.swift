import CrypTenBase
package import CrypTenExpressions
import CrypTenRing
package import NIOCore

/// Plain tensors as bytes: a type, the extents, the numbers little-endian.
///
/// For what one party reads and sends to all.
package enum TensorCoding {
    private enum Code: UInt8 {
        case float = 0, double, int32, int64, bool
    }

    /// Appends a tensor's bytes.
    package static func write(_ tensor: Tensor, to buffer: inout ByteBuffer) {
        let code: Code =
            switch tensor.elements {
            case .float: .float
            case .double: .double
            case .int32: .int32
            case .int64: .int64
            case .bool: .bool
            }
        buffer.writeInteger(code.rawValue)
        buffer.writeInteger(UInt8(tensor.shape.rank))
        for extent in tensor.shape.dimensions { buffer.writeInteger(UInt64(extent), endianness: .little) }
        switch tensor.elements {
        case .float(let values): values.withUnsafeBytes { _ = buffer.writeBytes($0) }
        case .double(let values): values.withUnsafeBytes { _ = buffer.writeBytes($0) }
        case .int32(let values): values.withUnsafeBytes { _ = buffer.writeBytes($0) }
        case .int64(let values): values.withUnsafeBytes { _ = buffer.writeBytes($0) }
        case .bool(let values): buffer.writeBytes(values.map { $0 ? 1 : 0 as UInt8 })
        }
    }

    /// - Throws: `CrypTenError.Code.malformedFrame` for bytes that are no tensor.
    package static func read(_ buffer: inout ByteBuffer) throws -> Tensor {
        let malformed = CrypTenError(.malformedFrame, "a peer sent a tensor that can't be read")
        guard let code = buffer.readInteger(as: UInt8.self).flatMap(Code.init(rawValue:)),
            let rank = buffer.readInteger(as: UInt8.self)
        else { throw malformed }
        let dimensions = try (0..<Int(rank)).map { _ in
            guard let extent = buffer.readInteger(endianness: .little, as: UInt64.self),
                extent <= UInt64(Shape.largestCount)
            else { throw malformed }
            return Int(extent)
        }
        guard let shape = try? Shape(checking: dimensions) else { throw malformed }
        func numbers<Number>(_ type: Number.Type) throws -> [Number] {
            let size = MemoryLayout<Number>.size
            guard buffer.readableBytes / size == shape.count, buffer.readableBytes % size == 0 else { throw malformed }
            return buffer.withUnsafeReadableBytes { bytes in
                (0..<shape.count).map { bytes.loadUnaligned(fromByteOffset: $0 * size, as: type) }
            }
        }
        switch code {
        case .float: return Tensor(.float(try numbers(Float.self)), shape: shape)
        case .double: return Tensor(.double(try numbers(Double.self)), shape: shape)
        case .int32: return Tensor(.int32(try numbers(Int32.self)), shape: shape)
        case .int64: return Tensor(.int64(try numbers(Int64.self)), shape: shape)
        case .bool: return Tensor(.bool(try numbers(UInt8.self).map { $0 != 0 }), shape: shape)
        }
    }
}
