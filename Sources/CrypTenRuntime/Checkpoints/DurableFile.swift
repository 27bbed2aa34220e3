import CrypTenBase
import Crypto
package import Foundation

/// A file that is there whole, and on the disk, or not there: written aside, synchronised, given its name, and the folder synchronised.
///
/// Its name is made of the SHA-256 of what was written, so that damage is found by whoever reads it. What isn't finished is removed.
package final class DurableFile {
    private let folder: URL
    private let aside: URL
    private var descriptor: Int32
    private var hash = SHA256()

    /// Begins a file that only its owner may read.
    ///
    /// - Parameters:
    ///   - folder: Where it is to lie.
    ///   - name: Of the file aside; one that is there, as a killed process leaves it, is written over.
    /// - Throws: `.fileNotReadable` where none can be made.
    package init(in folder: URL, aside name: String) throws {
        self.folder = folder
        aside = folder.appendingPathComponent(name)
        _ = unlink(aside.path)
        descriptor = open(aside.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw DurableFile.failure("can't be made", aside) }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(aside.path)
    }

    /// Adds bytes to the end.
    ///
    /// - Throws: `.fileNotReadable`, for want of room above all.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        hash.update(bufferPointer: bytes)
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest)
            let written = Foundation.write(descriptor, part.baseAddress, part.count)
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw DurableFile.failure("can't be written", aside) }
            rest = rest.dropFirst(written)
        }
    }

    /// Puts the file on the disk and gives it its name; it is there, and stays, when this returns.
    ///
    /// - Parameter name: Makes the name of the SHA-256, in hexadecimal.
    /// - Returns: The name.
    /// - Throws: `.fileNotReadable`; the file isn't there under that name then, or may be gone after a failure of power.
    package func finish(_ name: (String) -> String) throws -> String {
        guard fsync(descriptor) == 0 else { throw DurableFile.failure("can't be put on the disk", aside) }
        let name = name(hash.finalize().hexadecimal)
        let place = folder.appendingPathComponent(name)
        guard rename(aside.path, place.path) == 0 else { throw DurableFile.failure("can't be given its name", place) }
        close(descriptor)
        descriptor = -1
        try DurableFile.synchronize(folder)
        return name
    }

    /// Puts what a folder says of its files on the disk.
    package static func synchronize(_ folder: URL) throws {
        let descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("can't be opened", folder) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("can't be put on the disk", folder) }
    }

    /// SHA-256 in hexadecimal, as in a file's name.
    package static func digest(of bytes: Data) -> String {
        SHA256.hash(data: bytes).hexadecimal
    }

    private static func failure(_ what: String, _ place: URL) -> CrypTenError {
        let reason = String(cString: strerror(errno))
        return CrypTenError(.fileNotReadable, "\(place.path) \(what): \(reason)")
    }
}
