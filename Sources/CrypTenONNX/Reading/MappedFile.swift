internal import CrypTenBase
internal import Foundation

/// The bytes of a file as the system maps them: a page is read when something looks at it, and given back where memory is short.
enum MappedFile {
    /// - Throws: `CrypTenError.Code.fileNotReadable` naming the file.
    static func bytes(of url: URL, _ problem: FileProblem) throws -> Data {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else {
            throw problem.notReadable("there is no such file")
        }
        guard !isDirectory.boolValue else { throw problem.notReadable("it is a folder, not a file") }
        if let mapped = map(url.path) { return mapped }
        do {
            return try Data(contentsOf: url)
        } catch {
            throw problem.notReadable("it can't be read", cause: error)
        }
    }

    /// Nil where it can't be mapped, as a pipe can't, or holds nothing.
    private static func map(_ path: String) -> Data? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, let count = Int(exactly: status.st_size),
            count > 0,
            let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, file, 0), start != MAP_FAILED
        else { return nil }
        return Data(bytesNoCopy: start, count: count, deallocator: .custom { munmap($0, $1) })
    }
}
