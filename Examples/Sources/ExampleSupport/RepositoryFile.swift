import Foundation

/// Where a file of this repository is, on the machine that built the program.
public func repositoryFile(_ path: String) -> String {
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { root.deleteLastPathComponent() }
    return root.appendingPathComponent(path).path
}
