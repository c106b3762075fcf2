// Finds the words that a shell may offer to complete a command line with.
//
// They come from the usage texts, so that they are those that the command takes: its verbs
// (`add|del|list` at its beginning), its options (`-d`, `--all`; letters in one word, `[-bfh]`, are
// options each), the names of settings for postconf, of own users and hosted domains for `user` and
// `domain`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pennypost::smtp {

struct CommandWords {
  std::string_view name;
  std::string_view usage;
};

/// What may stand in place of the last of `words`: that which begins so, sorted. The first word is
/// the program, `pennypost` or a command's other name.
std::vector<std::string> completions(std::span<const CommandWords> commands,
                                     std::span<const std::string> words);

/// The verbs and options in a usage text.
std::vector<std::string> words_of_usage(std::string_view name, std::string_view usage);

}  // namespace pennypost::smtp
