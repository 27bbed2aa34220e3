import Foundation

/// What systemd is told of a unit of `Type=notify`, by a datagram to the socket that it names; nothing where it names none.
///
/// > systemd, sd_notify(3).
enum SystemdNotice: String, Sendable {
    case ready = "READY=1"
    case reloading = "RELOADING=1"
    case stopping = "STOPPING=1"
    case alive = "WATCHDOG=1"

    /// A socket that nobody reads holds nothing up.
    private static let flags = Int32(MSG_DONTWAIT)

    /// - Parameter environment: Where `NOTIFY_SOCKET` stands.
    func send(_ environment: [String: String] = ProcessInfo.processInfo.environment) {
        guard let path = environment["NOTIFY_SOCKET"], let first = path.first, first == "/" || first == "@" else {
            return
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // A name in the abstract space begins with a zero.
        let bytes = [first == "@" ? 0 : UInt8(ascii: "/")] + Array(path.utf8.dropFirst())
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        #if canImport(Glibc)
        let kind = Int32(SOCK_DGRAM.rawValue)
        #else
        let kind = SOCK_DGRAM
        #endif
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var text = rawValue
        if self == .reloading {
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            text += "\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)"
        }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + (first == "@" ? 0 : 1))
        let message = Array(text.utf8)
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                message.withUnsafeBytes {
                    sendto(descriptor, $0.baseAddress, $0.count, SystemdNotice.flags, target, length)
                }
            }
        }
    }

    /// How often the watchdog wants to hear from us; nil: never.
    static func watchdogInterval(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> Duration? {
        environment["WATCHDOG_USEC"].flatMap { Int($0) }.map { .microseconds($0 / 3) }
    }
}
