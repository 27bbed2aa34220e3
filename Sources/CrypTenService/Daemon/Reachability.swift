import NIOCore
import NIOPosix

/// Whether something listens at an address.
enum Reachability {
    private static let patience = TimeAmount.seconds(1)

    static func answers(_ address: String) async -> Bool {
        guard let colon = address.lastIndex(of: ":"), let port = Int(address[address.index(after: colon)...]) else {
            return false
        }
        let host = address[..<colon].trimmingPrefix("[").drop { $0 == "]" }
        let channel = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(patience)
            .connect(host: String(host.filter { $0 != "]" }), port: port)
            .get()
        try? await channel?.close()
        return channel != nil
    }
}
