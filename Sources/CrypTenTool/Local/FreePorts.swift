import CrypTen
import Foundation

/// Ports of this machine that nobody listens on.
enum FreePorts {
    /// Has the system choose so many ports on loopback, different ones; somebody else may take one before it is used.
    static func find(_ count: Int) throws -> [Int] {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { close(descriptor) } }
        return try (0..<count).map { _ in
            #if canImport(Glibc)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
            #endif
            descriptors.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                    bind(descriptor, target, length) == 0 ? getsockname(descriptor, target, &length) : -1
                }
            }
            guard descriptor >= 0, result == 0 else {
                throw CrypTenError(.addressInUse, "no free port of this machine was found")
            }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }
}
