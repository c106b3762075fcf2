// Names the limits of a Sieve script: how large it may be, and how much one run of it may do.
//
// What the language must allow at least is in RFC 5228 section 2.10.4 and RFC 5229 section 6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace pennypost::store::sieve {

inline constexpr std::size_t script_bytes_max = 1 << 20;
inline constexpr std::size_t block_nesting_max = 32;
inline constexpr std::size_t test_nesting_max = 32;
inline constexpr std::size_t commands_max = 10'000;     // in one script
inline constexpr std::size_t tests_max = 1'000;         // in one list of tests
inline constexpr std::size_t arguments_max = 100;       // of one command or test
inline constexpr std::size_t string_list_max = 10'000;  // strings in one list
inline constexpr std::size_t name_bytes_max = 32;       // of a command, test or tag
inline constexpr std::size_t mistakes_max = 30;         // further ones are not told

/// The largest number, after its K, M or G.
inline constexpr std::uint64_t number_max = std::numeric_limits<std::int64_t>::max();

inline constexpr std::size_t variables_max = 255;                // in one script, and global ones
inline constexpr std::size_t variable_name_bytes_max = 64;       // RFC 5229 section 6: at least 32
inline constexpr std::size_t variable_value_bytes_max = 65'536;  // longer values are cut
inline constexpr std::size_t match_variables_max = 32;           // ${0} to ${31}
inline constexpr std::size_t expanded_bytes_max = 1 << 20;       // a string with its variables
inline constexpr std::size_t pattern_bytes_max = 8'192;          // of a regular expression
inline constexpr std::uint32_t regex_steps_max = 100'000;        // of one match
inline constexpr std::uint32_t regex_heap_kib_max = 4 << 10;     // of one match
inline constexpr std::size_t header_edits_max = 100;             // fields added by one run
inline constexpr std::size_t include_nesting_max = 10;
inline constexpr std::size_t includes_max = 255;                 // scripts in one run
inline constexpr std::size_t rewrites_max = 20;                  // replace and enclose in one run
inline constexpr std::size_t part_nesting_max = 10;              // foreverypart within foreverypart
inline constexpr std::size_t vacation_text_bytes_max = 65'536;   // the answer
inline constexpr std::size_t vacation_addresses_max = 1'000;     // after :addresses
inline constexpr std::size_t notify_text_bytes_max = 65'536;     // the message of a notification
inline constexpr std::size_t notify_recipients_max = 8;          // of one notification
inline constexpr std::size_t programs_max = 10;                  // of filter and execute in one run
inline constexpr std::size_t program_name_bytes_max = 255;       // as the name of a file
inline constexpr std::size_t program_arguments_max = 32;         // of one program
inline constexpr std::size_t program_argument_bytes_max = 4096;  // one of them
inline constexpr std::size_t flags_max = 100;                    // on one copy
inline constexpr std::uint64_t remember_seconds_max = 90 * 86'400;  // of duplicate and vacation

/// What one run may do; the values are Dovecot's defaults, or what its time limit amounts to.
struct RunLimits {
  std::uint64_t steps = 1'000'000;  // one for each command, test, and 16 KiB compared
  std::size_t actions = 32;         // keep, fileinto, redirect, reject, vacation, notify together
  std::size_t redirects = 4;
  // How long vacation and duplicate remember, in seconds.
  std::uint64_t vacation_seconds_min = 86'400;
  std::uint64_t vacation_seconds_default = 7 * 86'400;
  std::uint64_t vacation_seconds_max = remember_seconds_max;
  std::uint64_t duplicate_seconds_default = 7 * 86'400;
  std::uint64_t duplicate_seconds_max = remember_seconds_max;
};

}  // namespace pennypost::store::sieve
