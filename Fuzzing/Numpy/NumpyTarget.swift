import CrypTen
import CrypTenBase
import Foundation

/// NumPy's arrays and archives, and safetensors: any bytes are tensors or an error, whichever of them they are taken for.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNumpy(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Data(UnsafeBufferPointer(start: start, count: count))
    attempt {
        let tensor = try Tensor(numpyFileBytes: bytes)
        let again = try Tensor(numpyFileBytes: tensor.numpyFileBytes)
        precondition(
            again.shape == tensor.shape && again.kind == tensor.kind,
            "a tensor that was written is another one"
        )
    }
    attempt {
        let tensors = try SafetensorsFile(bytes: bytes).tensors()
        check(tensors, try SafetensorsFile(bytes: SafetensorsFile.bytes(of: tensors)).tensors())
    }
    attempt {
        let tensors = try NpzFile(bytes: bytes).tensors()
        check(tensors, try NpzFile(bytes: NpzFile.bytes(of: tensors)).tensors())
    }
    return 0
}

private func check(_ tensors: [(name: String, tensor: Tensor)], _ again: [(name: String, tensor: Tensor)]) {
    precondition(
        tensors.map(\.name) == again.map(\.name) && tensors.map(\.tensor.shape) == again.map(\.tensor.shape),
        "tensors that were written are others"
    )
}

private func attempt(_ body: () throws -> Void) {
    do {
        try body()
    } catch {
        precondition(error is CrypTenError, "an error without a code: \(error)")
    }
}
