internal import CrypTenBase
internal import Foundation
internal import Synchronization

/// Files beside a model that hold its large tensors: each is mapped once, however many tensors lie in it.
final class ExternalFiles: Sendable {
    private let folder: URL
    private let model: String
    private let files = Mutex<[String: Data]>([:])

    /// - Parameter model: What messages call the model's file.
    init(folder: URL, model: String) {
        (self.folder, self.model) = (folder.resolvingSymlinksInPath().standardizedFileURL, model)
    }

    private var problem: FileProblem { FileProblem(file: model) }

    /// The bytes of a file whose path, relative and as the model gives it, stays inside of the folder, symbolic links included.
    func bytes(at location: String, of tensor: String) throws -> Data {
        if let known = files.withLock({ $0[location] }) { return known }
        let parts = location.split(separator: "/", omittingEmptySubsequences: false)
        let file = folder.appendingPathComponent(location).resolvingSymlinksInPath().standardizedFileURL
        guard !location.hasPrefix("/"), !parts.contains(".."), !location.contains("\0"),
            file.pathComponents.starts(with: folder.pathComponents),
            file.pathComponents.count > folder.pathComponents.count
        else {
            throw problem.malformed("tensor \(tensor) lies in '\(location)', which is outside the model's folder")
        }
        let bytes = try MappedFile.bytes(of: file, FileProblem(file: "\(model): external data \(location)"))
        files.withLock { $0[location] = bytes }
        return bytes
    }
}
