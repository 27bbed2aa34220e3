import CrypTenONNX
import FuzzedModelRun
import FuzzedSeeds

/// Called by libFuzzer before anything else.
@_cdecl("LLVMFuzzerInitialize")
public func initializeSkeletons(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    Seeds.write { try ModelSeeds.all().mapValues { try ONNXModel(bytes: $0).skeleton() } }
    return 0
}
