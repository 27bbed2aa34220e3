import CrypTen
import CrypTenExpressions
import CrypTenRing
import Foundation
import FuzzedSeeds

/// Called by libFuzzer before anything else.
@_cdecl("LLVMFuzzerInitialize")
public func initializeNumpy(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    Seeds.write {
        var seeds: [String: Data] = [:]
        let values: [Double] = [0, 1, -2, 3.5, 1e30, -0.25]
        for shape in [[6], [2, 3], [1, 2, 3], []] as [Shape] {
            let some = Array(values.prefix(shape.count))
            let tensors = [
                "f4": Tensor(.float(some.map { Float($0) }), shape: shape), "f8": Tensor(some, shape: shape),
                "i4": Tensor(.int32(some.indices.map { Int32($0) - 2 }), shape: shape),
                "i8": Tensor(some.indices.map { Int64($0) << 40 }, shape: shape),
                "b1": Tensor(.bool(some.map { $0 > 0 }), shape: shape),
            ]
            for (type, tensor) in tensors {
                let bytes = tensor.numpyFileBytes
                seeds["\(type)-\(shape.rank)"] = bytes
                // What is read and never written: other byte orders, types of equal size, column-major order.
                seeds["\(type)-\(shape.rank)-big"] = bytes.replacing("'<", with: "'>")
                seeds["\(type)-\(shape.rank)-fortran"] = bytes.replacing("False", with: "True ")
                seeds["\(type)-\(shape.rank)-unsigned"] = bytes.replacing("'<i", with: "'<u")
            }
            seeds["f2-\(shape.rank)"] = Tensor(
                .bool(some.map { $0 > 0 } + some.map { $0 < 0 }),
                shape: [2 * shape.count]
            )
            .numpyFileBytes.replacing("|b1", with: "<f2").replacing("(\(2 * shape.count),", with: "(\(shape.count),")
        }
        let small: [(name: String, tensor: Tensor)] = [
            ("a.weight", Tensor(.float([1, -2]), shape: [1, 2])), ("b", Tensor([7] as [Int64], shape: [])),
            ("c", Tensor(.bool([true]), shape: [1])),
        ]
        let safetensors = try SafetensorsFile.bytes(of: small, metadata: ["format": "pt", "\u{e9}\"": "\n"])
        seeds["safetensors"] = safetensors
        seeds["safetensors-types"] = safetensors.replacing("\"I64\"", with: "\"U64\"").replacing(
            "\"BOOL\"",
            with: "\"U8\"  "
        )
        seeds["npz"] = try NpzFile.bytes(of: small)
        return seeds
    }
    return 0
}

extension Data {
    fileprivate func replacing(_ old: String, with new: String) -> Data {
        guard let range = range(of: Data(old.utf8)) else { return self }
        return self[..<range.lowerBound] + Data(new.utf8) + self[range.upperBound...]
    }
}
