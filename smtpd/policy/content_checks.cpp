#include "smtpd/policy/content_checks.h"

#include <algorithm>

#include "common/base/text.h"
#include "store/maps/map.h"

namespace pennypost::smtp {
namespace {

using Kind = ContentAction::Kind;

using Of = ContentAction::Of;
using BlockKind = MimeBlock::Kind;
using std::chrono::steady_clock;

bool ends_search(Kind kind) {
  return kind == Kind::Reject || kind == Kind::Discard || kind == Kind::Pass;
}

/// The component whose log lines are about mail of that scope.
std::string component_of(ContentScope scope) {
  if (scope == ContentScope::Smtp) return "smtp";
  return scope == ContentScope::Lmtp ? "lmtp" : "cleanup";
}

class Evaluation {
 public:
  Evaluation(const CheckContent& ask, const Settings& settings, const FindContent& find)
      : ask_(ask),
        tables_(ContentTables::of(settings, ask.scope)),
        header_bytes_max_(settings.header_size_limit),
        find_(find),
        until_(steady_clock::now() + std::chrono::milliseconds(ask.milliseconds_left)) {}

  Result<CheckContent::Findings> run() {
    if (ask_.blocks.size() > content_blocks_max) {
      return Error::temporary("4.3.0", "more than " + std::to_string(content_blocks_max) +
                                           " parts of a message at once");
    }
    for (; block_ < ask_.blocks.size() && !is_over_; ++block_) {
      const auto& block = ask_.blocks[block_];
      TRY_DO(block.kind == BlockKind::Body ? check_lines(block) : check_fields(block));
    }
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until_ - steady_clock::now());
    findings_.milliseconds_left =
        static_cast<std::uint32_t>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
    return std::move(findings_);
  }

 private:
  Result<void> check_fields(const MimeBlock& block) {
    for (const auto& field : HeaderFields(block.text)) {
      auto key = content_key(field, std::min(header_bytes_max_, store::map_key_bytes_max));
      auto offset = static_cast<std::size_t>(field.whole.data() - block.text.data());
      TRY_DO(
          check(tables_for(block.kind, field.name), key, Of::Header, offset, field.whole.size()));
      if (is_over_) break;
    }
    return {};
  }

  Result<void> check_lines(const MimeBlock& block) {
    std::size_t offset = 0;
    while (offset < block.text.size() && !is_over_) {
      auto line = take_content_line(std::string_view(block.text).substr(offset));
      TRY_DO(check(tables_.body, content_line(line), Of::Body, offset, line.size()));
      offset += line.size();
    }
    return {};
  }

  const std::vector<TableRef>& tables_for(BlockKind kind, std::string_view name) const {
    if (kind == BlockKind::PartHeader || is_mime_field(name)) return tables_.mime_header;
    return kind == BlockKind::NestedHeader ? tables_.nested_header : tables_.header;
  }

  Result<void> check(const std::vector<TableRef>& tables, std::string_view key, Of of,
                     std::size_t offset, std::size_t bytes) {
    for (const auto& table : tables) {
      TRY(auto value, find_(table, key));
      if (!value) continue;
      auto action = understood(*value, of);
      if (!action) {
        warn(of, table, action.error());
      } else if (action->kind != Kind::Dunno) {
        TRY_DO(add(offset, bytes, *std::move(action)));
      }
      break;
    }
    if (steady_clock::now() < until_) return {};
    return Error::temporary("4.3.0", "header_checks, body_checks: one message took longer than " +
                                         std::to_string(content_checks_time_max.count() / 1000) +
                                         " s");
  }

  Result<ContentAction> understood(std::string_view value, Of of) const {
    TRY(auto action, ContentAction::parse(value, of));
    TRY_DO(action.check_scope(ask_.scope));
    return action;
  }

  void warn(Of of, const TableRef& table, const Error& error) const {
    std::string setting = tables_.prefix + (of == Of::Body ? "body_checks" : "header_checks");
    log_warning(component_of(ask_.scope), setting + ": " + table.text() + ": " + error.text());
  }

  Result<void> add(std::size_t offset, std::size_t bytes, ContentAction action) {
    bytes_ += sizeof(CheckContent::Finding) + action.text.size();
    if (bytes_ > content_actions_bytes_max) {
      return too_many_actions();
    }
    is_over_ = ends_search(action.kind);
    CheckContent::Finding finding;
    finding.block = static_cast<std::uint32_t>(block_);
    finding.offset = static_cast<std::uint32_t>(offset);
    finding.bytes = static_cast<std::uint32_t>(bytes);
    finding.action = std::move(action);
    findings_.list.push_back(std::move(finding));
    return {};
  }

  const CheckContent& ask_;
  const ContentTables tables_;
  const std::size_t header_bytes_max_;
  const FindContent& find_;
  steady_clock::time_point until_;
  CheckContent::Findings findings_;
  std::size_t block_ = 0;
  std::size_t bytes_ = 0;
  bool is_over_ = false;  // REJECT, DISCARD or PASS
};

}  // namespace

ContentTables ContentTables::of(const Settings& settings, ContentScope scope) {
  switch (scope) {
    case ContentScope::Smtp:
      return {settings.smtp_header_checks, settings.smtp_mime_header_checks,
              settings.smtp_nested_header_checks, settings.smtp_body_checks, "smtp_"};
    case ContentScope::Lmtp:
      return {settings.lmtp_header_checks, settings.lmtp_mime_header_checks,
              settings.lmtp_nested_header_checks, settings.lmtp_body_checks, "lmtp_"};
    case ContentScope::Milter: {
      static const std::vector<TableRef> none;
      return {settings.milter_header_checks, settings.milter_header_checks, none, none, "milter_"};
    }
    case ContentScope::Incoming:
      break;
  }
  return {settings.header_checks, settings.mime_header_checks, settings.nested_header_checks,
          settings.body_checks, ""};
}

std::optional<ContentSetting> content_checked_by(std::string_view parameter) {
  if (parameter == "milter_header_checks") return ContentSetting{Of::Header, ContentScope::Milter};
  auto scope = ContentScope::Incoming;
  if (parameter.starts_with("smtp_")) scope = ContentScope::Smtp;
  if (parameter.starts_with("lmtp_")) scope = ContentScope::Lmtp;
  if (scope != ContentScope::Incoming) parameter.remove_prefix(std::string_view("smtp_").size());
  if (parameter == "body_checks") return ContentSetting{Of::Body, scope};
  bool is_of_header = parameter == "header_checks" || parameter == "mime_header_checks" ||
                      parameter == "nested_header_checks";
  return is_of_header ? std::optional(ContentSetting{Of::Header, scope}) : std::nullopt;
}

bool has_content_checks(const Settings& settings, ContentScope scope) {
  return !ContentTables::of(settings, scope).empty();
}

Result<CheckContent::Findings> check_content(const CheckContent& ask, const Settings& settings,
                                             const FindContent& find) {
  return Evaluation(ask, settings, find).run();
}

}  // namespace pennypost::smtp
