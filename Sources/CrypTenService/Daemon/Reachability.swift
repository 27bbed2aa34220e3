import CrypTenTransport
import NIOCore
import NIOPosix

/// Whether something listens at an address.
enum Reachability {
    private static let patience = TimeAmount.seconds(1)

    static func answers(_ address: String) async -> Bool {
        guard let address = try? TCPAddress(address) else { return false }
        let channel = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(patience)
            .connect(host: address.host, port: address.port)
            .get()
        try? await channel?.close()
        return channel != nil
    }
}
