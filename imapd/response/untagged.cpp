#include "imapd/response/untagged.h"

#include <algorithm>
#include <span>
#include <utility>

#include "common/base/text.h"
#include "imapd/response/strings.h"

namespace pennypost::imap {
namespace {

using store::Flags;

constexpr std::pair<Flags::Bit, std::string_view> system_flags[] = {
    {Flags::Answered, "\\Answered"}, {Flags::Flagged, "\\Flagged"}, {Flags::Deleted, "\\Deleted"},
    {Flags::Seen, "\\Seen"},         {Flags::Draft, "\\Draft"},
};

std::vector<std::string> all_flags(const std::vector<std::string>& keywords) {
  std::vector<std::string> names;
  for (const auto& [bit, name] : system_flags) names.emplace_back(name);
  for (const auto& keyword : keywords) {
    if (!keyword.empty()) names.push_back(keyword);
  }
  return names;
}

std::uint64_t value_of(StatusItem item, const store::Status& status, std::uint64_t append_limit) {
  switch (item) {
    case StatusItem::Messages:
      return status.messages;
    case StatusItem::Recent:
      return status.recent;
    case StatusItem::UidNext:
      return status.uid_next.value();
    case StatusItem::UidValidity:
      return status.uid_validity;
    case StatusItem::Unseen:
      return status.unseen;
    case StatusItem::Deleted:
      return status.deleted;
    case StatusItem::DeletedStorage:
      return status.deleted_size;
    case StatusItem::Size:
      return status.size.value_or(0);
    case StatusItem::HighestModSeq:
      return status.highest_modseq.value();
    case StatusItem::AppendLimit:
      return append_limit;
    case StatusItem::MailboxId:
      break;
  }
  return 0;
}

std::string text_of(StatusItem item, const store::Status& status, std::uint64_t append_limit) {
  if (item == StatusItem::MailboxId) return '(' + status.id + ')';
  return std::to_string(value_of(item, status, append_limit));
}

// A set in the given order, in which ranges only ascend: RFC 5267 section 3.2.
std::string ordered_set(std::span<const std::uint32_t> numbers) {
  RangeBuilder builder;
  for (auto number : numbers) builder.add(number);
  return to_text(builder.ranges());
}

// The UIDs as ranges in the order given: RFC 4315 section 3 pairs source and target by position.
std::string uid_ranges(const std::vector<store::Uid>& uids) {
  RangeBuilder builder;
  for (auto uid : uids) builder.add(uid.value());
  return to_text(builder.ranges());
}

void append_results(std::string& out, const SearchRequest& request,
                    std::span<const std::uint32_t> numbers, std::optional<store::ModSeq> modseq) {
  // RFC 4731 section 3.1: MIN, MAX and ALL are left out when nothing was found.
  if (!numbers.empty()) {
    if (request.return_min) out += " MIN " + std::to_string(numbers.front());
    if (request.return_max) out += " MAX " + std::to_string(numbers.back());
    if (request.return_all) out += " ALL " + ordered_set(numbers);
  }
  if (request.return_partial) {
    auto part = part_of(numbers, *request.return_partial);
    const char* sign = request.return_partial->from_end ? "-" : "";
    out += std::string(" PARTIAL (") + sign + std::to_string(request.return_partial->first) + ':' +
           sign + std::to_string(request.return_partial->last) + ' ' +
           (part.empty() ? "NIL" : ordered_set(part)) + ')';
  }
  if (request.return_count) out += " COUNT " + std::to_string(numbers.size());
  if (modseq) out += " MODSEQ " + std::to_string(modseq->value());
}

void append_scores(std::string& out, std::span<const std::uint8_t> scores) {
  if (scores.empty()) return;
  out += " RELEVANCY (";
  for (auto score : scores) {
    if (!out.ends_with('(')) out += ' ';
    out += std::to_string(score);
  }
  out += ')';
}

}  // namespace

std::optional<Flags::Bit> system_flag(std::string_view name) {
  for (const auto& [bit, own] : system_flags) {
    if (own == name) return bit;
  }
  return std::nullopt;
}

std::vector<std::string> flag_names(Flags flags, bool recent,
                                    const std::vector<std::string>& keywords) {
  std::vector<std::string> names;
  for (const auto& [bit, name] : system_flags) {
    if (flags.has(bit)) names.emplace_back(name);
  }
  if (recent) names.emplace_back("\\Recent");
  names.insert(names.end(), keywords.begin(), keywords.end());
  return names;
}

std::string exists_line(std::uint32_t messages) {
  return "* " + std::to_string(messages) + " EXISTS\r\n";
}

std::string recent_line(std::uint32_t messages) {
  return "* " + std::to_string(messages) + " RECENT\r\n";
}

std::string expunge_line(std::uint32_t sequence_number) {
  return "* " + std::to_string(sequence_number) + " EXPUNGE\r\n";
}

std::string fetch_head(std::uint32_t sequence_number, store::Uid uid, bool uid_only) {
  if (uid_only) return "* " + std::to_string(uid.value()) + " UIDFETCH (";
  return "* " + std::to_string(sequence_number) + " FETCH (";
}

std::string vanished_line(const std::vector<NumberRange>& uids, bool earlier) {
  return std::string("* VANISHED ") + (earlier ? "(EARLIER) " : "") + to_text(uids) + "\r\n";
}

// Longer ones would be literals, which a code can't hold.
constexpr std::size_t progress_tag_bytes_max = 200;

std::string progress_line(std::string_view tag, std::string_view text,
                          std::optional<std::uint64_t> done, std::optional<std::uint64_t> goal) {
  auto number = [](std::optional<std::uint64_t> value) {
    return value ? ' ' + std::to_string(*value) : std::string(" NIL");
  };
  std::string out = "* OK [INPROGRESS (";
  // RFC 9585 section 4: a tag that would end the code is not told.
  if (tag.find(']') == tag.npos && tag.size() <= progress_tag_bytes_max) {
    append_string(out, tag);
  } else {
    out += "NIL";
  }
  // The same section: there is no goal without a number that is done, and it is never reached while
  // the command goes on.
  if (!done || (goal && *done >= *goal)) done = goal = std::nullopt;
  return out + number(done) + number(goal) + ")] " + std::string(text) + "\r\n";
}

std::string highest_modseq_line(store::ModSeq modseq) {
  return "* OK [HIGHESTMODSEQ " + std::to_string(modseq.value()) + "] Highest\r\n";
}

std::string flags_line(const std::vector<std::string>& keywords) {
  std::string out = "* FLAGS ";
  append_list(out, all_flags(keywords));
  return out + "\r\n";
}

std::string permanent_flags_line(const std::vector<std::string>& keywords, bool read_only,
                                 bool may_add_keyword, const store::Changeable& may) {
  if (read_only) return "* OK [PERMANENTFLAGS ()] Read-only mailbox.\r\n";
  auto names = all_flags(may.keywords ? keywords : std::vector<std::string>());
  if (may_add_keyword && may.keywords) names.emplace_back("\\*");
  for (const auto& [bit, name] : system_flags) {
    if (!may.flags.has(bit)) std::erase(names, name);
  }
  std::string out = "* OK [PERMANENTFLAGS ";
  append_list(out, names);
  return out + "] Flags permitted.\r\n";
}

std::string list_line(std::string_view command, const std::vector<std::string>& attributes,
                      char separator, std::string_view utf8_name,
                      const std::vector<std::string>& child_info, NameForm form) {
  std::string out = "* " + std::string(command) + ' ';
  append_list(out, attributes);
  out += ' ';
  append_string(out, std::string_view(&separator, 1));
  out += ' ';
  append_mailbox(out, utf8_name, form);
  if (!child_info.empty()) {
    // RFC 5258 section 3: which selection criteria hold below this name.
    out += " (\"CHILDINFO\" (";
    for (std::size_t i = 0; i < child_info.size(); ++i) {
      if (i > 0) out += ' ';
      append_string(out, child_info[i]);
    }
    out += "))";
  }
  return out + "\r\n";
}

std::string old_name_line(char separator, std::string_view utf8_name, std::string_view old_name) {
  auto out = list_line("LIST", {}, separator, utf8_name, {}, NameForm::Utf8);
  out.resize(out.size() - 2);
  out += " (\"OLDNAME\" (";
  append_mailbox(out, old_name, NameForm::Utf8);
  return out + "))\r\n";
}

std::string status_line(std::string_view utf8_name, const std::vector<StatusItem>& items,
                        const store::Status& status, std::uint64_t append_limit, NameForm form) {
  std::string out = "* STATUS ";
  append_mailbox(out, utf8_name, form);
  std::vector<std::string> members;
  for (auto item : items) {
    members.push_back(std::string(name_of(item)) + ' ' + text_of(item, status, append_limit));
  }
  out += ' ';
  append_list(out, members);
  return out + "\r\n";
}

std::string namespace_line(char separator, const std::vector<std::string>& own,
                           const std::vector<std::string>& others, NameForm form) {
  std::string out = "* NAMESPACE";
  for (const auto* prefixes : {&own, &others}) {
    out += prefixes->empty() ? " NIL" : " (";
    for (const auto& prefix : *prefixes) {
      out += '(';
      append_string(
          out, form == NameForm::Utf8 ? prefix : store::modified_utf7_encode(prefix).value_or(""));
      out += ' ';
      append_string(out, std::string_view(&separator, 1));
      out += ')';
    }
    if (!prefixes->empty()) out += ')';
  }
  return out + " NIL\r\n";
}

std::string id_line(const IdFields& fields) {
  if (fields.empty()) return "* ID NIL\r\n";
  std::string out = "* ID (";
  for (const auto& [name, value] : fields) {
    if (!out.ends_with('(')) out += ' ';
    append_string(out, name);
    out += ' ';
    append_nstring(out, value);
  }
  return out + ")\r\n";
}

std::string search_line(std::string_view command, std::span<const std::uint32_t> numbers,
                        std::optional<store::ModSeq> modseq) {
  std::string out = "* " + std::string(command);
  for (auto number : numbers) out += ' ' + std::to_string(number);
  if (modseq) out += " (MODSEQ " + std::to_string(modseq->value()) + ')';
  return out + "\r\n";
}

std::span<const std::uint32_t> part_of(std::span<const std::uint32_t> numbers,
                                       const PartialResult& partial) {
  auto count = numbers.size();
  if (partial.first > count) return {};
  auto last = std::min<std::size_t>(partial.last, count);
  auto length = last - partial.first + 1;
  return numbers.subspan(partial.from_end ? count - last : partial.first - 1, length);
}

std::string esearch_line(std::string_view tag, bool uid, const SearchRequest& request,
                         std::span<const std::uint32_t> numbers,
                         std::optional<store::ModSeq> modseq,
                         std::span<const std::uint8_t> scores) {
  std::string out = "* ESEARCH (TAG ";
  append_string(out, tag);
  out += uid ? ") UID" : ")";
  append_results(out, request, numbers, modseq);
  append_scores(out, scores);
  return out + "\r\n";
}

std::string multi_search_line(std::string_view tag, std::string_view utf8_name,
                              std::uint32_t uid_validity, const SearchRequest& request,
                              std::span<const std::uint32_t> uids,
                              std::optional<store::ModSeq> modseq, NameForm form,
                              std::span<const std::uint8_t> scores) {
  std::string out = "* ESEARCH (TAG ";
  append_string(out, tag);
  out += " MAILBOX ";
  append_mailbox(out, utf8_name, form);
  out += " UIDVALIDITY " + std::to_string(uid_validity) + ") UID";
  append_results(out, request, uids, modseq);
  append_scores(out, scores);
  return out + "\r\n";
}

std::string uid_batches_line(std::string_view tag, const std::vector<NumberRange>& batches) {
  std::string out = "* UIDBATCHES (TAG ";
  append_string(out, tag);
  out += ')';
  char before = ' ';
  for (auto batch : batches) {
    out += before + std::to_string(batch.last) + ':' + std::to_string(batch.first);
    before = ',';
  }
  return out + "\r\n";
}

std::string append_uid_code(const store::Appended& appended) {
  return "[APPENDUID " + std::to_string(appended.uid_validity) + ' ' + uid_ranges(appended.uids) +
         ']';
}

std::string copy_uid_code(const store::Copied& copied) {
  if (copied.source.empty()) return "";
  return "[COPYUID " + std::to_string(copied.uid_validity) + ' ' + uid_ranges(copied.source) + ' ' +
         uid_ranges(copied.target) + ']';
}

}  // namespace pennypost::imap
