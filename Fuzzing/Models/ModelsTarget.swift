import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import FuzzedModelRun

/// ONNX files: any bytes are a model or an error, and a model says what it is, has a skeleton, and computes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzModels(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        let model = try ONNXModel(bytes: Data(UnsafeBufferPointer(start: start, count: count)))
        let skeleton = try ONNXModel(skeleton: try model.skeleton())
        precondition(
            skeleton.parameters.map(\.name) == model.parameters.map(\.name)
                && skeleton.parameters.map(\.shape) == model.parameters.map(\.shape),
            "owner and others have the same parameters"
        )
        try ModelRun(model).run()
    } catch {
        precondition(error is CrypTenError, "an error without a code: \(error)")
    }
    return 0
}
