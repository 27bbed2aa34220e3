import CrypTenBase
import Foundation

/// A file that is appended to, by system calls whose failures are told.
final class BudgetFile: Sendable {
    let path: String
    private let descriptor: CInt

    /// Opens a file for reading and appending; it is made where it isn't there, for this user alone.
    init(_ url: URL) throws {
        path = url.path
        descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw BudgetFile.failure(path, "opened") }
    }

    /// To be called once, at the end; it also ends a lock.
    func close() {
        _ = Foundation.close(descriptor)
    }

    /// Waits a while until nobody else has the file's lock, and takes it.
    func lock() throws {
        for _ in 0..<BudgetFile.attempts {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
            guard errno == EINTR || errno == EWOULDBLOCK else { throw BudgetFile.failure(path, "locked") }
            usleep(BudgetFile.pause)
        }
        throw CrypTenError(
            .fileNotReadable,
            "\(path): another process has held the budgets' lock for two seconds; see whether it is stopped"
        )
    }

    private static let attempts = 2000
    private static let pause: UInt32 = 1000

    func size() throws -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw BudgetFile.failure(path, "read") }
        return Int(status.st_size)
    }

    /// Whether the file that is open is the one of this name.
    func hasItsName() -> Bool {
        var (mine, named) = (stat(), stat())
        guard fstat(descriptor, &mine) == 0, stat(path, &named) == 0 else { return false }
        return mine.st_ino == named.st_ino && mine.st_dev == named.st_dev
    }

    func read(from position: Int, count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let part = bytes.withUnsafeMutableBytes { bytes in
                pread(descriptor, bytes.baseAddress! + done, count - done, off_t(position + done))
            }
            if part < 0, errno == EINTR { continue }
            guard part > 0 else { throw BudgetFile.failure(path, "read") }
            done += part
        }
        return bytes
    }

    func append(_ text: String) throws {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let part = rest.withUnsafeBytes { write(descriptor, $0.baseAddress!, $0.count) }
            if part < 0, errno == EINTR { continue }
            guard part > 0 else { throw BudgetFile.failure(path, "written") }
            rest = rest.dropFirst(part)
        }
    }

    /// Has everything put on the disk.
    func synchronize() throws {
        while fsync(descriptor) != 0 {
            guard errno == EINTR else { throw BudgetFile.failure(path, "put on the disk") }
        }
    }

    /// Has a folder's names put on the disk.
    static func synchronize(directory: URL) throws {
        let descriptor = open(directory.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(directory.path, "opened") }
        defer { _ = Foundation.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(directory.path, "put on the disk") }
    }

    private static func failure(_ path: String, _ what: String) -> CrypTenError {
        let reason = String(cString: strerror(errno))
        return CrypTenError(.fileNotReadable, "\(path) can't be \(what): \(reason)")
    }
}
