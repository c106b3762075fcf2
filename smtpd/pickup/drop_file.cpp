#include "smtpd/pickup/drop_file.h"

#include <algorithm>
#include <cstring>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

constexpr std::string_view magic = "PDROP2\n";
constexpr std::string_view first_magic = "PDROP1\n";
static_assert(magic.size() == first_magic.size());

struct FirstSubmission : LocalSubmission {
  template <class Archive>
  void fields(Archive& archive) {
    fields_of_first_form(archive);
  }
};

Result<LocalSubmission> decode_submission(std::string_view bytes, bool is_first) {
  if (!is_first) return wire::decode<LocalSubmission>(bytes);
  TRY(auto first, wire::decode<FirstSubmission>(bytes));
  return LocalSubmission(std::move(first));
}

bool is_plain(const std::string& text) {
  return text.size() <= submission_text_bytes_max && std::ranges::none_of(text, is_control);
}

}  // namespace

std::string drop_head(const LocalSubmission& submission) {
  std::string body = wire::encode(submission);
  auto length = static_cast<std::uint32_t>(body.size());
  std::string head(magic);
  head.append(reinterpret_cast<const char*>(&length), sizeof length);
  return head + body;
}

Result<DropHead> parse_drop_head(std::string_view bytes) {
  std::uint32_t length = 0;
  std::size_t before = magic.size() + sizeof length;
  bool is_first = bytes.starts_with(first_magic);
  bool is_ours = is_first || bytes.starts_with(magic);
  if (!is_ours || bytes.size() < before) return Error(501, "not a drop file");
  std::memcpy(&length, bytes.data() + magic.size(), sizeof length);
  if (length > submission_bytes_max || length > bytes.size() - before) {
    return Error(501, "the drop file is incomplete");
  }
  auto submission = decode_submission(bytes.substr(before, length), is_first);
  if (!submission) return Error(501, "the drop file's envelope is malformed");
  TRY_DO(check_submission(*submission));
  DropHead head;
  head.submission = *std::move(submission);
  head.bytes = before + length;
  return head;
}

Result<void> check_submission(const LocalSubmission& submission) {
  if (submission.recipients.empty()) return Error(501, "5.5.4", "no recipients");
  if (submission.recipients.size() > submission_recipients_max) {
    return Error(501, "5.5.3", "too many recipients");
  }
  if (!is_plain(submission.sender) || !is_plain(submission.envid) ||
      !std::ranges::all_of(submission.recipients, is_plain)) {
    return Error(501, "5.1.3", "an address is too long or contains control characters");
  }
  if (submission.ret > Ret::Headers || submission.notify > 15)
    return Error(501, "5.5.4", "invalid DSN parameters");
  bool has_delimiters = submission.verp.size() == 2 && is_plain(submission.verp);
  if (!submission.verp.empty() && !has_delimiters) {
    return Error(501, "5.5.4", "invalid VERP delimiters");
  }
  return {};
}

}  // namespace pennypost::smtp
