import CrypTenONNX
import FuzzedModelRun
import FuzzedSeeds

/// Called by libFuzzer before anything else.
@_cdecl("LLVMFuzzerInitialize")
public func initializeSkeletons(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    Seeds.write {
        // A constant exponent must be opened by its owner.
        try ModelSeeds.all().mapValues {
            try ((try? ONNXModel(bytes: $0)) ?? ONNXModel(bytes: $0, open: ["s"])).skeleton()
        }
    }
    return 0
}
