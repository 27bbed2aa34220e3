import CrypTenBase
import CrypTenTransport
import Foundation
import NIOCore

/// What is said where something else listens at an address.
enum TakenAddress {
    /// Runs a server.
    ///
    /// - Throws: `.addressInUse` in words, and whatever else ends it.
    static func explained(_ address: TCPAddress, _ run: () async throws -> Void) async throws {
        do {
            try await run()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw CrypTenError(
                .addressInUse,
                "something else listens on \(address): choose another port, or end the other program",
                cause: error
            )
        }
    }
}
