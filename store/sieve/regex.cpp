// Compiles and matches with PCRE2.
#include "store/sieve/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "store/sieve/limits.h"

namespace pennypost::store::sieve {
namespace {

struct FreeMatchData {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct FreeMatchContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

std::string message_of(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

}  // namespace

struct Regex::Code {
  explicit Code(pcre2_code* compiled) : code(compiled) {}
  ~Code() { pcre2_code_free(code); }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  pcre2_code* code;
};

Regex::Regex(std::unique_ptr<Code> code) : code_(std::move(code)) {}
Regex::~Regex() = default;

Result<std::shared_ptr<const Regex>> Regex::compile(std::string_view pattern, bool folds_case) {
  if (pattern.size() > pattern_bytes_max) {
    return Error::permanent("a regular expression has at most " +
                            std::to_string(pattern_bytes_max) + " octets");
  }
  std::uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
  if (folds_case) options |= PCRE2_CASELESS;
  int code = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                       options, &code, &offset, nullptr);
  if (compiled == nullptr) {
    return Error::permanent("the regular expression is wrong at its octet " +
                            std::to_string(offset + 1) + ": " + message_of(code));
  }
  return std::shared_ptr<const Regex>(new Regex(std::make_unique<Code>(compiled)));
}

Result<bool> Regex::matches(std::string_view text, std::vector<std::string>* groups) const {
  std::unique_ptr<pcre2_match_context, FreeMatchContext> context(
      pcre2_match_context_create(nullptr));
  std::unique_ptr<pcre2_match_data, FreeMatchData> data(
      pcre2_match_data_create_from_pattern(code_->code, nullptr));
  pcre2_set_match_limit(context.get(), regex_steps_max);
  pcre2_set_depth_limit(context.get(), regex_steps_max);
  pcre2_set_heap_limit(context.get(), regex_heap_kib_max);
  int found = pcre2_match(code_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0,
                          data.get(), context.get());
  if (found == PCRE2_ERROR_NOMATCH) return false;
  if (found < 0) {
    return Error::permanent("a regular expression could not be matched: " + message_of(found));
  }
  if (groups == nullptr) return true;
  groups->clear();
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(data.get());
  auto count = std::min<std::size_t>(pcre2_get_ovector_count(data.get()), match_variables_max);
  for (std::size_t group = 0; group < count; ++group) {
    PCRE2_SIZE begin = ends[2 * group];
    PCRE2_SIZE end = ends[2 * group + 1];
    bool is_set = begin != PCRE2_UNSET && begin <= end;
    groups->emplace_back(is_set ? text.substr(begin, end - begin) : std::string_view());
  }
  return true;
}

}  // namespace pennypost::store::sieve
