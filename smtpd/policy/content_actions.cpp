// Understands the actions of header_checks and body_checks, and carries them out on a message.
#include <algorithm>
#include <array>

#include "common/base/enhanced_status.h"
#include "common/base/text.h"
#include "common/mail/address.h"
#include "smtpd/policy/access.h"
#include "smtpd/policy/content_checks.h"

namespace pennypost::smtp {
namespace {

using Kind = ContentAction::Kind;
using Of = ContentAction::Of;
using BlockKind = MimeBlock::Kind;

enum class Text { Optional, Line, Address, Filter };

struct Row {
  std::string_view name;
  Kind kind;
  Text text;
  std::string_view log_name;  // empty: not logged
};
constexpr std::array rows{
    Row{"BCC", Kind::Bcc, Text::Address, "bcc"},
    Row{"DISCARD", Kind::Discard, Text::Optional, "discard"},
    Row{"DUNNO", Kind::Dunno, Text::Optional, ""},
    Row{"FILTER", Kind::Filter, Text::Filter, "filter"},
    Row{"HOLD", Kind::Hold, Text::Optional, "hold"},
    Row{"IGNORE", Kind::Ignore, Text::Optional, ""},
    Row{"INFO", Kind::Info, Text::Optional, "info"},
    Row{"OK", Kind::Dunno, Text::Optional, ""},
    Row{"PASS", Kind::Pass, Text::Optional, "pass"},
    Row{"PREPEND", Kind::Prepend, Text::Line, "prepend"},
    Row{"REDIRECT", Kind::Redirect, Text::Address, "redirect"},
    Row{"REJECT", Kind::Reject, Text::Optional, "reject"},
    Row{"REPLACE", Kind::Replace, Text::Line, "replace"},
    Row{"STRIP", Kind::Strip, Text::Optional, "strip"},
    Row{"WARN", Kind::Warn, Text::Optional, "warning"},
};
constexpr EnhancedStatus default_status = "5.7.1";

std::string_view log_name_of(Kind kind) {
  return std::ranges::find(rows, kind, &Row::kind)->log_name;
}

/// Whether it does no more than edit the message or log a line.
bool can_be_done_to_sent(Kind kind) {
  constexpr std::array kinds{Kind::Dunno,   Kind::Ignore, Kind::Info, Kind::Prepend,
                             Kind::Replace, Kind::Strip,  Kind::Warn};
  return std::ranges::find(kinds, kind) != kinds.end();
}

std::string names_of_actions() {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  return join(names, ", ");
}

Error wrong(const std::string& text) { return Error::permanent(text); }

/// The text of REJECT, beginning with a status code. As in Postfix, 2.x.x becomes 4.x.x.
Result<std::string> reject_text(std::string_view text, ContentAction::Form form) {
  if (text.empty()) text = "message content rejected";
  std::string_view rest = text;
  auto status = EnhancedStatus::take(rest);
  if (!status) return default_status.text() + " " + std::string(text);
  if (status->status_class != 2) return std::string(text);
  if (form == ContentAction::Form::Written) {
    return wrong("REJECT " + printable(text, 100) + ": needs 4.x.x or 5.x.x");
  }
  return "4" + std::string(text.substr(1));
}

/// The Error for a text from reject_text().
Error refusal_of(std::string_view text) {
  auto status = EnhancedStatus::take(text).value_or(default_status);
  return Error(status.status_class == 4 ? 451 : 550, status, std::string(text));
}

/// A table's text as a field: line ends within it become folds, and it gets a final line end.
std::string field_line(std::string_view text) {
  std::string line;
  while (text.ends_with('\n')) text.remove_suffix(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    line += text[i];
    bool needs_blank = text[i] == '\n' && !is_blank(text[i + 1]);
    if (needs_blank) line += ' ';
  }
  return line + "\n";
}

/// What one finding does to a message.
class Execution {
 public:
  Execution(const std::vector<MimeBlock>& blocks, const LogTransaction& line, ContentScope scope)
      : blocks_(blocks), line_(line), scope_(scope) {}

  /// False where the finding does not fit.
  bool apply(const CheckContent::Finding& finding) {
    std::size_t end = std::size_t{finding.offset} + finding.bytes;
    bool is_behind = finding.block > block_ || (finding.block == block_ && finding.offset >= done_);
    if (finding.block >= blocks_.size() || !is_behind) return false;
    const auto& block = blocks_[finding.block];
    if (end > block.text.size() || finding.bytes == 0) return false;
    block_ = finding.block;
    done_ = end;
    auto range = std::string_view(block.text).substr(finding.offset, finding.bytes);
    log(finding.action, block, range);
    act(finding.action);
    change(finding, block, range);
    return true;
  }
  ContentVerdict verdict() { return std::move(verdict_); }

 private:
  void log(const ContentAction& action, const MimeBlock& block, std::string_view range) {
    bool is_known = action.kind == Kind::Hold && verdict_.is_held;
    auto name = log_name_of(action.kind);
    if (name.empty() || is_known) return;
    if (block.kind == BlockKind::Body) return log(name, "body", content_line(range), action.text);
    auto field = HeaderFields(range).begin();
    log(name, "header", content_key(*field, range.size()), action.text);
  }

  void log(std::string_view action, std::string_view part, std::string_view content,
           std::string_view text) const {
    if (scope_ == ContentScope::Incoming) {
      log_content_check(action, part, content, line_, text);
      return;
    }
    if (scope_ == ContentScope::Milter) {
      log_content_check("milter-header-" + std::string(action), part, content, line_, text);
      return;
    }
    log_sent_content_check(scope_ == ContentScope::Smtp ? "smtp" : "lmtp", line_.queue_id, action,
                           part, content, text);
  }

  void act(const ContentAction& action) {
    const auto& [kind, text] = action;
    if (kind == Kind::Reject) verdict_.refusal = refusal_of(text);
    if (kind == Kind::Discard) verdict_.is_discarded = true;
    if (kind == Kind::Pass) verdict_.is_passed = true;
    if (kind == Kind::Hold) verdict_.is_held = true;
    if (kind == Kind::Redirect) verdict_.redirect = text;
    if (kind == Kind::Bcc) verdict_.bcc.push_back(text);
    if (kind == Kind::Filter) verdict_.filter = text;
  }

  void change(const CheckContent::Finding& finding, const MimeBlock& block,
              std::string_view range) {
    const auto& [kind, text] = finding.action;
    Edit edit{finding.offset, 0, {}};
    if (kind == Kind::Prepend || kind == Kind::Replace) {
      bool is_field = block.kind != BlockKind::Body;
      edit.insert = is_field ? field_line(text) : text;
      if (!is_field && (kind == Kind::Prepend || range.ends_with('\n'))) edit.insert += '\n';
    } else if (kind != Kind::Ignore && kind != Kind::Strip) {
      return;
    }
    if (kind != Kind::Prepend) edit.erase = finding.bytes;
    if (block.kind == BlockKind::Header) {
      verdict_.header_edits.push_back(std::move(edit));
      return;
    }
    edit.offset += block.offset;
    if (edit.erase > 0)
      verdict_.line_ends += static_cast<std::uint64_t>(std::ranges::count(range, '\n'));
    verdict_.body_edits.push_back(std::move(edit));
  }

  const std::vector<MimeBlock>& blocks_;
  const LogTransaction& line_;
  const ContentScope scope_;
  ContentVerdict verdict_;
  std::size_t block_ = 0;
  std::size_t done_ = 0;  // of that block
};

}  // namespace

std::string content_key(const HeaderField& field, std::size_t bytes_max) {
  std::string key = field.name.empty() ? "" : std::string(field.name) + ":";
  key += field.body;
  if (key.size() > bytes_max) key.resize(bytes_max);
  return key;
}

std::string_view take_content_line(std::string_view text) {
  auto end = text.find('\n');
  if (end == text.npos) end = text.size();
  if (end > content_line_bytes_max) return text.substr(0, content_line_bytes_max);
  return text.substr(0, end + 1);
}

std::string_view content_line(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  return line;
}

Result<ContentAction> ContentAction::parse(std::string_view value, Of of, Form form) {
  value = trim(value);
  auto word = value.substr(0, value.find_first_of(" \t"));
  auto text = trim(value.substr(word.size()));
  auto row =
      std::ranges::find_if(rows, [&](const Row& one) { return equal_nocase(one.name, word); });
  if (row == rows.end()) {
    return wrong("unknown action " + printable(word, 100) + "; possible actions are " +
                 names_of_actions());
  }
  ContentAction action;
  action.kind = row->kind;
  action.text = text;
  std::string name(row->name);
  if (row->kind == Kind::Reject) {
    TRY(action.text, reject_text(text, form));
  }
  if (row->text != Text::Optional && text.empty()) {
    std::string_view lacks = of == Of::Header ? " needs a header field: text" : " needs a text";
    if (row->text == Text::Address) lacks = " needs an address";
    if (row->text == Text::Filter) lacks = " needs transport:destination";
    return wrong(name + std::string(lacks));
  }
  if (form == Form::Written && text.find('$') != text.npos) return action;
  if (row->text == Text::Line && of == Of::Header && !is_field_line(text)) {
    return wrong(name + " " + printable(text, 100) + ": needs a header as in \"Name: text\"");
  }
  if (row->text == Text::Filter && !is_filter_text(text)) {
    return wrong(name + " " + printable(text, 100) + ": needs transport:destination");
  }
  if (row->text == Text::Address) {
    auto address = MailAddress::parse(text, Utf8::Allowed);
    if (!address || !address->domain()) {
      return wrong(name + " " + printable(text, 100) + ": needs an address, user@domain");
    }
  }
  return action;
}

Result<void> ContentAction::check_scope(ContentScope scope) const {
  bool is_incoming = scope == ContentScope::Incoming || scope == ContentScope::Milter;
  if (is_incoming || can_be_done_to_sent(kind)) return {};
  std::vector<std::string> names;
  for (const auto& row : rows) {
    if (can_be_done_to_sent(row.kind)) names.emplace_back(row.name);
  }
  auto row = std::ranges::find(rows, kind, &Row::kind);
  return wrong(std::string(row->name) +
               " can't be done to mail that leaves; possible actions are " + join(names, ", "));
}

Error too_many_actions() {
  return Error(552, "5.3.4", "Error: too much of the message matches header or body checks");
}

bool ContentVerdict::has_8bit_edits() const {
  auto is_8bit = [](const Edit& edit) { return !is_ascii(edit.insert); };
  return std::ranges::any_of(header_edits, is_8bit) || std::ranges::any_of(body_edits, is_8bit);
}

Result<ContentVerdict> carry_out(const CheckContent::Findings& findings,
                                 const std::vector<MimeBlock>& blocks, const LogTransaction& line,
                                 ContentScope scope) {
  Execution execution(blocks, line, scope);
  for (const auto& finding : findings.list) {
    if (execution.apply(finding)) continue;
    return Error::temporary("4.3.0", "the look-up of header_checks gave no proper answer");
  }
  return execution.verdict();
}

void redirect_all(std::vector<Recipient>& recipients, std::string address) {
  if (recipients.empty()) return;
  recipients.resize(1);
  recipients.front().address = std::move(address);
}

}  // namespace pennypost::smtp
