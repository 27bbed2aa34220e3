import CrypTenService
import Foundation

/// What a member reads as its cluster file: it is read, or every fault has a sentence; and what was read can be compared and told clients.
@_cdecl("LLVMFuzzerTestOneInput")
public func readCluster(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let (file, faults) = ClusterFile.read(Data(UnsafeBufferPointer(start: start, count: count)))
    precondition(file != nil || !faults.isEmpty)
    precondition(faults.allSatisfy { !$0.message.isEmpty })
    guard let file else { return 0 }
    precondition(file.agreementDigest.count == 64)
    precondition(file.members.count >= 2 && !file.dealers.isEmpty)
    for name in file.members.map(\.name) + file.dealers.map(\.name) { _ = try? file.check(as: name, environment: [:]) }
    _ = try? file.cellFile()
    return 0
}
