package import CrypTenRing

/// `truncate`, `pack`, `unpack`, `add_unpacked`, `planes_of`, `words_of`, `weights`: between words and bits.
extension DeviceKernels {
    package func planes(of a: RingTensor, from low: Int, count planes: Int) -> BitPlanes {
        precondition(low >= 0 && planes >= 0 && low + planes <= 64, "planes \(low) ..< \(low + planes) of 64")
        return onDevice { call in
            let step = BitPlanes.words(for: a.count)
            let to = try call.room(planes * step)
            if planes > 0 {
                let arguments = PlanesArguments(
                    to: to,
                    from: try call.upload(a),
                    count: UInt64(a.count),
                    step: UInt64(step),
                    low: UInt32(low),
                    planes: UInt32(planes)
                )
                try call.forEach(a.count, "planes_of", arguments)
            }
            return try call.download(to, planes: planes, count: a.count)
        }
    }

    package func words(of bits: BitPlanes, shape: Shape) -> RingTensor {
        precondition(
            bits.planes <= 64 && bits.count == shape.count,
            "\(bits.planes) planes of \(bits.count) as \(shape)"
        )
        return onDevice { call in
            let to = try call.room(shape.count)
            let arguments = PlanesArguments(
                to: to,
                from: try call.upload(bits),
                count: UInt64(shape.count),
                step: UInt64(bits.wordsPerPlane),
                low: 0,
                planes: UInt32(bits.planes)
            )
            try call.forEach(shape.count, "words_of", arguments)
            return try call.download(to, shape: shape)
        }
    }

    package func truncate(_ a: RingTensor, by shift: Int) -> (RingTensor, selector: BitPlanes) {
        precondition((1...62).contains(shift), "a truncation by \(shift) bits")
        return onDevice { call in
            let from = try call.upload(a)
            let selector = try call.room(BitPlanes.words(for: a.count))
            let to = try call.room(a.count)
            let arguments = TruncateArguments(
                to: to,
                selector: selector,
                from: from,
                count: UInt64(a.count),
                shift: UInt32(shift)
            )
            try call.forEach(a.count, "truncate", arguments)
            return (try call.download(to, shape: a.shape), try call.download(selector, planes: 1, count: a.count))
        }
    }

    package func weights(of bits: [BitPlanes], factors: [UInt64], constant: UInt64) -> RingTensor {
        BitPlanes.check(bits, factors: factors)
        return onDevice { call in
            let count = bits[0].count
            let to = try call.room(count)
            let arguments = WeightsArguments(
                to: to,
                blocks: try call.upload(try bits.map(call.upload)),
                factors: try call.upload(factors),
                addend: constant,
                count: UInt64(count),
                planes: UInt32(bits.count)
            )
            try call.forEach(count, "weights", arguments)
            return try call.download(to, shape: [count])
        }
    }

    // MARK: Words of few bits

    package func pack(_ a: RingTensor, bits: Int) -> RingTensor {
        precondition((1...64).contains(bits), "\(bits) bits of a word")
        let words = (a.count * bits + 63) / 64
        return onDevice { call in
            let to = try call.room(words)
            let from = try call.upload(a)
            let arguments = PackArguments(to: to, from: from, count: UInt64(a.count), bits: UInt32(bits))
            try call.forEach(words, "pack", arguments)
            return try call.download(to, shape: [words])
        }
    }

    package func unpack(_ words: RingTensor, bits: Int, shape: Shape) -> RingTensor {
        precondition((1...64).contains(bits), "\(bits) bits of a word")
        precondition(
            words.count == (shape.count * bits + 63) / 64,
            "\(words.count) words can't hold \(shape) of \(bits) bits"
        )
        return onDevice { call in
            let to = try call.room(shape.count)
            let from = try call.upload(words)
            let arguments = PackArguments(to: to, from: from, count: UInt64(shape.count), bits: UInt32(bits))
            try call.forEach(shape.count, "unpack", arguments)
            return try call.download(to, shape: shape)
        }
    }

    package func accumulate(
        _ sum: inout RingTensor,
        addingUnpacked words: RingTensor,
        bits: Int,
        shiftedLeft shift: Int,
        where chosen: BitPlanes
    ) {
        precondition((1...64).contains(bits) && (0...63).contains(shift), "\(bits) bits of a word, shifted by \(shift)")
        precondition(
            words.count == (sum.count * bits + 63) / 64 && chosen.planes == 1 && chosen.count == sum.count,
            "\(words.count) words can't hold \(sum.shape) of \(bits) bits"
        )
        onDevice { call in
            let to = try call.upload(sum)
            let arguments = AddUnpackedArguments(
                to: to,
                from: try call.upload(words),
                chosen: try call.upload(chosen),
                count: UInt64(sum.count),
                bits: UInt32(bits),
                shift: UInt32(shift)
            )
            try call.forEach(sum.count, "add_unpacked", arguments)
            try call.download(to, into: &sum)
        }
    }
}
