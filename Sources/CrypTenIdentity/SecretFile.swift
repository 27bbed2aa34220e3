import CoreFoundation
import CrypTenBase
package import Foundation

/// Files that hold a secret of their owner's and nothing else.
package enum SecretFile {
    /// More isn't read: it would be another file by mistake.
    private static let mostBytes = 1 << 16
    /// POSIX's S_IFIFO, which two modules declare here.
    private static let pipe: mode_t = 0o010000

    /// All bytes of a file, line ends among them.
    ///
    /// - Parameters:
    ///   - secret: What it is, in errors.
    ///   - mayBePipe: Whether it may be one, as a shell gives the output of a program: /dev/fd/N.
    /// - Throws: `.fileNotReadable` for a file that is missing, can't be read or is no ordinary file; `.invalidArgument` for one that
    ///   other users may read, but for a group of this process's, or of more than 65,536 bytes.
    package static func bytes(of url: URL, called secret: String, orPipe mayBePipe: Bool = false) throws -> Data {
        let name = url.path
        let handle: FileHandle
        do {
            handle = try FileHandle(forReadingFrom: url)
        } catch {
            throw CrypTenError(.fileNotReadable, "the file of the \(secret), \(name), can't be read", cause: error)
        }
        defer { try? handle.close() }
        var status = stat()
        let kinds = [S_IFREG] + (mayBePipe ? [pipe] : [])
        guard fstat(handle.fileDescriptor, &status) == 0, kinds.contains(status.st_mode & S_IFMT) else {
            throw CrypTenError(.fileNotReadable, "the \(secret) is read from a file, and \(name) is none")
        }
        guard isKept(status) else {
            throw CrypTenError(
                .invalidArgument,
                "other users may read the \(secret) in \(name): take that away with chmod 600, and draw another one"
            )
        }
        // Of a pipe it is known when that many have come.
        let bytes = try handle.read(upToCount: mostBytes + 1) ?? Data()
        guard bytes.count <= mostBytes else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) has more bytes than a \(secret): that has \(mostBytes) at most"
            )
        }
        return bytes
    }

    /// Whether nobody but this process's own may read a file.
    ///
    /// A group may read it, and no more, where the file is root's or this user's and the group is one of this process's: so systemd hands
    /// credentials to a service, and Kubernetes secrets to a pod with an `fsGroup`.
    private static func isKept(_ status: stat) -> Bool {
        if status.st_mode & 0o077 == 0 { return true }
        return status.st_mode & 0o037 == 0 && [0, geteuid()].contains(status.st_uid) && groups.contains(status.st_gid)
    }

    /// The groups of this process.
    private static var groups: Set<gid_t> {
        let count = getgroups(0, nil)
        guard count > 0 else { return [getegid()] }
        var further = [gid_t](repeating: 0, count: Int(count))
        let read = getgroups(count, &further)
        return Set(further.prefix(Int(max(read, 0))) + [getegid()])
    }

    /// The one line of some bytes, without its end.
    ///
    /// - Throws: `.invalidArgument` for several.
    package static func line(of bytes: Data, called secret: String) throws -> Data {
        var line = bytes
        if line.last == UInt8(ascii: "\n") { line.removeLast() }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        guard !line.contains(UInt8(ascii: "\n")) else {
            throw CrypTenError(.invalidArgument, "a \(secret) is one line, and there are more")
        }
        return line
    }

    /// A secret made of a file's bytes; what is wrong with them is told with the file's name.
    package static func secret<Secret>(
        in url: URL,
        called name: String,
        orPipe mayBePipe: Bool = false,
        _ make: (Data) throws -> Secret
    ) throws -> Secret {
        let bytes = try bytes(of: url, called: name, orPipe: mayBePipe)
        do {
            return try make(bytes)
        } catch let error as CrypTenError {
            throw CrypTenError(error.code, "\(url.path): \(error.message)")
        }
    }

    /// Writes a file that nobody but this user may read; there mustn't be one of its name.
    ///
    /// - Throws: `.fileNotReadable` where it can't be made or written.
    package static func create(_ url: URL, _ text: String) throws {
        let descriptor = open(url.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let reason = String(cString: strerror(errno))
            throw CrypTenError(.fileNotReadable, "\(url.path) can't be made: \(reason)")
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try handle.write(contentsOf: Data(text.utf8))
            try handle.synchronize()
            try handle.close()
        } catch {
            throw CrypTenError(.fileNotReadable, "\(url.path) can't be written", cause: error)
        }
    }
}
