import CrypTenBase
import CrypTenONNX
import Foundation
import FuzzedModelRun

/// Skeletons, which come from a peer: any bytes are one or an error, and one is written again as it was read.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSkeletons(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        let model = try ONNXModel(skeleton: Data(UnsafeBufferPointer(start: start, count: count)))
        let again = try model.skeleton()
        let third = try ONNXModel(skeleton: again).skeleton()
        precondition(third == again, "a skeleton is read as it was written")
        try ModelRun(model).run()
    } catch {
        precondition(error is CrypTenError, "an error without a code: \(error)")
    }
    return 0
}
