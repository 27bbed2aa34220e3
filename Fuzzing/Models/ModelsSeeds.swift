import FuzzedModelRun
import FuzzedSeeds

/// Called by libFuzzer before anything else.
@_cdecl("LLVMFuzzerInitialize")
public func initializeModels(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    Seeds.write { try ModelSeeds.all() }
    return 0
}
