internal import CrypTenBase
public import CrypTenExpressions
public import Foundation

/// A network's parameters in a file: safetensors or `.npz`, as its name says.
public enum WeightsFile {
    /// All tensors of a file.
    ///
    /// - Throws: `.invalidArgument` for a name that ends in neither `.safetensors` nor `.npz`; as ``SafetensorsFile`` and ``NpzFile``.
    public static func tensors(of url: URL) throws -> [(name: String, tensor: Tensor)] {
        switch try format(of: url) {
        case .safetensors: try SafetensorsFile(contentsOf: url).tensors()
        case .npz: try NpzFile(contentsOf: url).tensors()
        }
    }

    /// Writes tensors, each in its own type.
    ///
    /// - Throws: as ``tensors(of:)``, and `.invalidArgument` for two tensors of one name.
    public static func write(_ tensors: [(name: String, tensor: Tensor)], to url: URL) throws {
        switch try format(of: url) {
        case .safetensors: try SafetensorsFile.write(tensors, metadata: ["format": "pt"], to: url)
        case .npz: try NpzFile.write(tensors, to: url)
        }
    }

    /// - Throws: `.invalidArgument` for a name that ends in neither `.safetensors` nor `.npz`.
    static func check(_ url: URL) throws {
        _ = try format(of: url)
    }

    private enum Format {
        case safetensors, npz
    }

    private static func format(of url: URL) throws -> Format {
        switch url.pathExtension.lowercased() {
        case "safetensors": return .safetensors
        case "npz": return .npz
        default:
            throw CrypTenError(
                .invalidArgument,
                "\(url.relativePath): weights are in files whose names end in .safetensors or .npz"
            )
        }
    }
}
