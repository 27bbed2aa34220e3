internal import CrypTenRing

/// Smooth functions, from trigonometric series: 4 rounds to a share, masking included; within 7·10⁻⁵ after rounding with 16
/// fraction bits, or within 4·10⁻⁵ (see `FunctionConfiguration`), for all reals that the encoding holds:
/// |x| < 2^(63 − fractionBits) − 14; of a product within 2^(62 − 2·fractionBits), 2³⁰ with 16.
///
/// Truncations round up or down at random: among some ten thousand values one was 9·10⁻⁵ off.
extension CrypTensor {
    /// 1 / (1 + e⁻ˣ)
    public func sigmoid(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            real(at: origin).applying(.smooth(.accurate(.sigmoid, .sigmoidAccurate)), at: origin)
        }
    }

    /// The hyperbolic tangent.
    public func tanh(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            real(at: origin).applying(.smooth(.accurate(.tanh, .tanhAccurate)), at: origin)
        }
    }

    /// The error function.
    public func erf(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            real(at: origin).applying(.smooth(.accurate(.erf, .erfAccurate)), at: origin)
        }
    }

    /// x · (1 + erf(x / √2)) / 2
    public func gelu(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            real(at: origin).applying(.smooth(.accurate(.gelu, .geluAccurate)), at: origin)
        }
    }

    /// x / (1 + e⁻ˣ)
    public func silu(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            real(at: origin).applying(.smooth(.accurate(.silu, .siluAccurate)), at: origin)
        }
    }

    /// log(1 + eˣ)
    public func softplus(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            real(at: origin).applying(.smooth(.accurate(.softplus, .softplusAccurate)), at: origin)
        }
    }

    /// log(1 / (1 + e⁻ˣ)), which is −softplus(−x).
    public func logSigmoid(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            real(at: origin).applying(.negate, at: origin).softplus(file: file, line: line)
                .applying(.negate, at: origin)
        }
    }
}

/// 1 / (1 + e⁻ˣ), within 7·10⁻⁵.
///
/// 4 rounds.
public func sigmoid(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.sigmoid(file: file, line: line)
}

/// The hyperbolic tangent, within 7·10⁻⁵.
///
/// 4 rounds.
public func tanh(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.tanh(file: file, line: line)
}

/// The error function, within 7·10⁻⁵.
///
/// 4 rounds.
public func erf(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.erf(file: file, line: line)
}

/// x · (1 + erf(x / √2)) / 2, within 7·10⁻⁵.
///
/// 4 rounds.
public func gelu(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.gelu(file: file, line: line)
}

/// x / (1 + e⁻ˣ), within 7·10⁻⁵.
///
/// 4 rounds.
public func silu(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.silu(file: file, line: line)
}

/// log(1 + eˣ), within 7·10⁻⁵.
///
/// 4 rounds.
public func softplus(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.softplus(file: file, line: line)
}

/// log(1 / (1 + e⁻ˣ)), within 7·10⁻⁵.
///
/// 4 rounds.
public func logSigmoid(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.logSigmoid(file: file, line: line)
}
