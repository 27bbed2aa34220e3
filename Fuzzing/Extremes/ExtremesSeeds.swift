import Foundation
import FuzzedSeeds
import _CrypTenONNXTestSupport

/// Called by libFuzzer before anything else.
@_cdecl("LLVMFuzzerInitialize")
public func initializeExtremes(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    Seeds.write {
        var seeds: [String: Data] = [:]
        for (number, model) in ExtremeInput.models.enumerated() where seeds[model.operation] == nil {
            seeds[model.operation] = ExtremeInput.bytes(model: number)
        }
        return seeds
    }
    return 0
}
