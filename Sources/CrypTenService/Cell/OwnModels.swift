import Foundation
import NIOConcurrencyHelpers

/// The files of the models that this member owns, and which of them have changed since they were loaded.
final class OwnModels: Sendable {
    /// By what a file that was replaced is seen.
    private struct Stamp: Equatable, Sendable {
        var path: String
        var inode: UInt64
        var size: Int64
        var modified: [Int]

        init(_ url: URL) {
            var status = stat()
            path = url.path
            guard stat(url.path, &status) == 0 else {
                (inode, size, modified) = (0, -1, [])
                return
            }
            (inode, size) = (UInt64(status.st_ino), Int64(status.st_size))
            #if canImport(Darwin)
            modified = [Int(status.st_mtimespec.tv_sec), Int(status.st_mtimespec.tv_nsec)]
            #else
            modified = [Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec)]
            #endif
        }
    }

    private struct State {
        var files: [String: URL]
        var loaded: [String: Stamp] = [:]
        var changed: Set<String> = []
    }

    private let state: NIOLockedValueBox<State>

    init(_ files: [String: String]) {
        state = NIOLockedValueBox(State(files: files.mapValues { URL(fileURLWithPath: $0) }))
    }

    /// A model's file, which is about to be loaded.
    func file(of model: String) -> URL? {
        state.withLockedValue { state in
            let file = state.files[model]
            state.loaded[model] = file.map { Stamp($0) }
            return file
        }
    }

    /// Models that are to be loaded anew, in a fixed order.
    var changed: [String] {
        state.withLockedValue { $0.changed.sorted() }
    }

    /// Takes over other files; those that aren't what was loaded are loaded anew.
    func replace(_ files: [String: String]) {
        state.withLockedValue { state in
            state.files = files.mapValues { URL(fileURLWithPath: $0) }
            state.changed = Set(state.files.filter { state.loaded[$0.key] != Stamp($0.value) }.keys)
        }
    }

    /// A model is loaded anew.
    func loaded(_ model: String) {
        state.withLockedValue { _ = $0.changed.remove(model) }
    }
}
