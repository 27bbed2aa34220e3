import CrypTen
import CrypTenBase
import Foundation

/// `.npy` files: any bytes are a tensor or an error.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNumpy(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Data(UnsafeBufferPointer(start: start, count: count))
    do {
        let tensor = try Tensor(numpyFileBytes: bytes)
        let again = try Tensor(numpyFileBytes: tensor.numpyFileBytes)
        precondition(
            again.shape == tensor.shape && again.kind == tensor.kind,
            "a tensor that was written is another one"
        )
    } catch {
        precondition(error is CrypTenError, "an error without a code: \(error)")
    }
    return 0
}
