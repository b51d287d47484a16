public import PatchClassifier

extension Weights {
    /// The same first convolution for colours that have mean 0 and standard deviation 1 over all pixels of `samples`: what
    /// it gives for them as they are is what it would have given for them standardised. Preprocessing stays a division by
    /// 255; only where learning starts from is another place (LeCun et al., *Efficient BackProp*, 1998, section 4.3).
    ///
    /// The first two tensors are the weight [output, colour, kernel, kernel] and the bias [output] of that convolution.
    public func standardised(for samples: [TrainingSample]) throws(TrainingError) -> Weights {
        guard tensors.count > 1, tensors[0].shape.count == 4, tensors[0].shape[1] == Architecture.inputChannels else {
            throw TrainingError(.network, "the weights do not start with a convolution of three colours")
        }
        let colours = ColourMoments(samples),
            (outputs, taps) = (tensors[0].shape[0], tensors[0].shape[2] * tensors[0].shape[3])
        var (weights, bias) = (tensors[0].values, tensors[1].values)
        for output in 0..<outputs {
            var moved = Double(bias[output])
            for colour in 0..<Architecture.inputChannels {
                for tap in 0..<taps {
                    let place = (output * Architecture.inputChannels + colour) * taps + tap
                    let weight = Double(weights[place]) / colours.deviations[colour]
                    weights[place] = Float(weight)
                    moved -= weight * colours.means[colour]
                }
            }
            bias[output] = Float(moved)
        }
        let first = [
            Tensor(name: tensors[0].name, shape: tensors[0].shape, values: weights),
            Tensor(name: tensors[1].name, shape: tensors[1].shape, values: bias),
        ]
        do {
            return try Weights(tensors: first + tensors.dropFirst(2))
        } catch {
            throw TrainingError(.network, "\(error)")
        }
    }
}

/// Mean and standard deviation of red, green and blue, as shares of 255, over all pixels.
private struct ColourMoments {
    let means: [Double]
    let deviations: [Double]

    init(_ samples: [TrainingSample]) {
        var (sums, squares, pixels) = ([0, 0, 0], [0, 0, 0], 0)
        for sample in samples {
            sample.patch.rgb.withUnsafeBufferPointer { rgb in
                for place in stride(from: 0, to: rgb.count, by: 3) {
                    for colour in 0..<3 {
                        let value = Int(rgb[place + colour])
                        sums[colour] += value
                        squares[colour] += value * value
                    }
                }
                pixels += rgb.count / 3
            }
        }
        let count = Double(max(pixels, 1))
        let means = sums.map { Double($0) / count }
        self.means = means.map { $0 / 255 }
        // Pictures of one colour have no deviation: then a byte is taken for it.
        deviations = zip(means, squares).map { mean, square in
            max(1, (Double(square) / count - mean * mean).squareRoot()) / 255
        }
    }
}
