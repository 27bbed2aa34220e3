import CrypTenBase
import CrypTenTransport

extension Interruption {
    /// Does what takes its time, and interrupts it when the calling task is cancelled.
    func ifCancelled<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        try await withTaskCancellationHandler(operation: body) {
            interrupt(CrypTenError(.cancelled, "cancelled by its caller"))
        }
    }
}
