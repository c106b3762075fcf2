#include "smtpd/pickup/pickup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/mail/fixups.h"
#include "smtpd/pickup/control_clients.h"
#include "smtpd/pickup/drop_file.h"
#include "smtpd/pickup/posted_lines.h"
#include "smtpd/policy/content_inspection.h"
#include "smtpd/queue/messages.h"
#include "smtpd/queue/queue_id.h"
#include "smtpd/queue/receive_override.h"
#include "smtpd/queue/verp.h"
#include "smtpd/routing/blind_copies.h"
#include "smtpd/routing/canonical.h"
#include "smtpd/routing/completion.h"
#include "smtpd/routing/expansion.h"
#include "smtpd/routing/header_addresses.h"

namespace pennypost::smtp {
namespace {

constexpr std::uint64_t copy_bytes = 1 << 20;

Error too_large() { return Error(552, "5.3.4", "Message size exceeds fixed limit"); }

/// The address with its domain, as it is queued; empty stays empty.
Result<std::string> posted_address(const std::string& text, const Config& config) {
  if (text.empty() || text == "<>") return std::string();
  TRY(auto address, MailAddress::parse_path(text, Utf8::Allowed));
  TRY(address, completed(std::move(address), config));
  return address.text();
}

bool needs_smtputf8(const Envelope& envelope) {
  return !is_ascii(envelope.sender) ||
         std::ranges::any_of(envelope.recipients,
                             [](const auto& one) { return !is_ascii(one.address); });
}

std::string received(const Envelope& envelope, std::uint32_t uid, const Config& config) {
  ReceivedTrace trace;
  trace.protocol.esmtp = false;
  trace.userid = std::to_string(uid);
  trace.by = config.myhostname;
  trace.mail_name = config.mail_name;
  trace.queue_id = envelope.id.value();
  trace.date = local_date(envelope.arrival / 1'000'000);
  return received_field(trace, "\n");
}

Result<Envelope> envelope_of(const LocalSubmission& submission, const Config& config,
                             const Clock& clock) {
  TRY_DO(check_submission(submission));
  Envelope envelope;
  envelope.id = make_queue_id(clock);
  envelope.arrival = clock.now().count();
  envelope.is_local = true;
  envelope.filter = config.content_filter;
  envelope.ret = submission.ret;
  envelope.envid = submission.envid;
  if (!submission.verp.empty() &&
      !are_verp_delimiters(submission.verp, config.verp_delimiter_filter)) {
    return Error(501, "5.5.4", "invalid VERP delimiters");
  }
  envelope.verp = submission.verp;
  TRY(envelope.sender, posted_address(submission.sender, config));
  for (const auto& text : submission.recipients) {
    // A malformed address is kept: it bounces, and the other recipients get their mail.
    auto address = posted_address(text, config);
    Recipient recipient;
    recipient.number = static_cast<std::uint32_t>(envelope.recipients.size());
    recipient.address = address ? *std::move(address) : text;
    if (recipient.address.empty()) recipient.address = config.empty_address_recipient;
    recipient.original = recipient.address;
    recipient.notify = submission.notify;
    recipient.is_virtual_self = is_left_out(config, no_address_mappings);
    envelope.recipients.push_back(std::move(recipient));
  }
  envelope.is_smtputf8 = needs_smtputf8(envelope);
  return envelope;
}

}  // namespace

PickupDesk::PickupDesk(Loop& loop, Queue& queue, Scheduler& scheduler,
                       std::function<std::shared_ptr<const Config>()> config, Ask ask,
                       const Clock& clock)
    : loop_(loop),
      queue_(queue),
      scheduler_(scheduler),
      config_(std::move(config)),
      ask_(std::move(ask)),
      clock_(clock),
      woken_(loop) {}

PickupDesk::Ask PickupDesk::ask_later() {
  Ask ask;
  ask.canonicalize = [](Canonicalize) -> Task<Result<Canonicalize::Rewritten>> {
    co_return Error::temporary("4.3.0", "smtpd does not run");
  };
  ask.check_content = [](CheckContent) -> Task<Result<CheckContent::Findings>> {
    co_return Error::temporary("4.3.0", "smtpd does not run");
  };
  ask.check_user = [](CheckUser) -> Task<Result<CheckUser::Answer>> {
    co_return Error::temporary("4.3.0", "smtpd does not run");
  };
  ask.connect_milter = [](std::uint32_t) -> Task<Result<std::unique_ptr<Stream>>> {
    co_return Error::temporary("4.3.0", "smtpd does not run");
  };
  return ask;
}

/// As in Postfix, root and the owner may always list and flush, and submit if the list says so.
Task<Result<void>> PickupDesk::allow(LocalRight right, std::uint32_t uid) {
  bool is_free = right != LocalRight::Submit && ControlClients::is_owner(uid);
  if (is_free || admits_everybody(authorized_users(*config_(), right))) co_return Result<void>();
  auto asking = ask_about(right, uid);
  CO_TRY_DO(co_await std::move(asking));
  co_return Result<void>();
}

Task<Result<CheckUser::Answer>> PickupDesk::ask_about(LocalRight right, std::uint32_t uid) {
  CheckUser question;
  question.right = right;
  question.uid = uid;
  auto asking = ask_.check_user(std::move(question));
  auto answer = co_await std::move(asking);
  if (!answer) co_return Error(control_busy, "4.3.0", "temporary lookup failure");
  if (answer->is_allowed) co_return std::move(answer);
  std::string why = right_refused(right, answer->name, uid);
  log_warning("pickup", why);
  co_return Error(control_denied, "5.7.1", why);
}

/// Whether this user may submit mail now, and by which name it is counted; empty: it is not. Root
/// and the owner are neither blocked nor counted. Errors as for allow().
Task<Result<std::string>> PickupDesk::name_submitter(std::uint32_t uid) {
  if (ask_.count_outgoing == nullptr || ControlClients::is_owner(uid)) {
    auto allowing = allow(LocalRight::Submit, uid);
    CO_TRY_DO(co_await std::move(allowing));
    co_return std::string();
  }
  auto asking = ask_about(LocalRight::Submit, uid);
  CO_TRY(auto answer, co_await std::move(asking));
  CheckSubmitter question;
  question.user = answer.name;
  auto checking = ask_.check_submitter(std::move(question));
  auto checked = co_await std::move(checking);
  if (!checked) co_return Error(control_busy, "4.3.0", "temporary lookup failure");
  if (!checked->is_blocked) co_return std::move(answer.name);
  std::string why = "the user " + answer.name + " may not send mail";
  log_warning("pickup", why);
  co_return Error(control_denied, "5.7.1", why);
}

/// Reads the message, cleans its line ends, and writes it to `to`, if that is a file, synced. Error
/// 552: it is larger than message_size_limit, counted with CRLF (RFC 1870 section 5).
Result<PickupDesk::Content> PickupDesk::copy(const Descriptor& from, std::uint64_t offset,
                                             std::uint64_t bytes, const Descriptor& to,
                                             const Config& config) {
  Content content;
  PostedLines lines(config.cleanup_replace_stray_cr_lf);
  Limit limit = config.message_size_limit;
  auto add = [&](std::string_view cleaned) -> Result<void> {
    content.bytes += cleaned.size();
    content.line_ends += static_cast<std::uint64_t>(std::ranges::count(cleaned, '\n'));
    if (!limit.allows(content.bytes + content.line_ends)) return too_large();
    content.is_8bit = content.is_8bit || !is_ascii(cleaned);
    content.front += cleaned.substr(0, header_block_bytes_max - content.front.size());
    return to ? write_all(to.number(), cleaned, "a body") : Result<void>();
  };
  while (bytes > 0) {
    TRY(auto chunk,
        read_exactly(from.number(), offset, std::min(bytes, copy_bytes), "the message"));
    TRY_DO(add(lines.clean(chunk)));
    offset += chunk.size();
    bytes -= chunk.size();
  }
  TRY_DO(add(lines.finish()));
  if (to) {
    TRY_DO(sync_file(to.number(), "a body"));
  }
  return content;
}

/// The header with our Received on top. Errors: 552, 554 (refused for good).
Result<HeaderDraft> PickupDesk::draft_header(const Content& content, std::uint32_t uid,
                                             const Config& config, const Envelope& envelope) {
  auto end = find_header_end(content.front, content.front.size() == content.bytes);
  if (!end.is_found) return header_too_long();
  auto text = std::string_view(content.front).substr(0, end.bytes);
  if (header_facts(text).hops > config.hopcount_limit) {
    return Error(554, "5.4.6", "Too many hops");
  }
  return HeaderDraft(received(envelope, uid, config), text, end);
}

/// Applies canonical maps and masquerade_domains, and adds blind copies. Error control_busy: a
/// table can't be looked up now; then sendmail's message may wait in maildrop.
Task<Result<void>> PickupDesk::rewrite(std::shared_ptr<const Config> config, HeaderDraft& header,
                                       Envelope& envelope) {
  HeaderAddresses::Limits limits;
  limits.fields = config->header_count_limit;
  limits.field_bytes = config->header_size_limit;
  CO_TRY(auto completion, completion_of(*config));
  HeaderAddresses in_header;
  if (rewrites_addresses(*config)) in_header = HeaderAddresses(header.text(), completion, limits);
  Canonicalize ask;
  ask.sender = envelope.sender;
  ask.in_header = in_header.distinct();
  bool has_copies = has_blind_copies(*config);
  if (ask.sender.empty() && ask.in_header.empty() && !has_copies) co_return Result<void>();
  if (!config->recipient_bcc_maps.empty()) {
    for (const auto& one : envelope.recipients) ask.recipients.push_back(one.address);
  }
  auto asking = ask_.canonicalize(std::move(ask));
  auto answer = co_await std::move(asking);
  if (!answer) co_return Error(control_busy, "4.3.0", "temporary lookup failure");
  auto rewritten = *std::move(answer);
  envelope.sender = std::move(rewritten.sender);
  if (has_copies) add_blind_copies(envelope.recipients, rewritten.copies);
  envelope.is_smtputf8 = envelope.is_smtputf8 || needs_smtputf8(envelope);
  header.edit(in_header.edits(rewritten.in_header));
  co_return Result<void>();
}

/// Fills in what the envelope says about the content.
void PickupDesk::describe(const Content& content, HeaderDraft header, const Config& config,
                          Envelope& envelope) {
  auto facts = header_facts(header.text(), config.message_drop_headers);
  header.edit(facts.dropped);
  note_tls_wishes(facts, config, envelope);
  envelope.message_id = std::move(facts.message_id);
  envelope.is_8bit = envelope.is_8bit || content.is_8bit;
  envelope.body_bytes = content.bytes;
  envelope.body_line_ends = header.line_ends_left(content.line_ends);
  envelope.pieces = header.pieces(content.bytes);
}

/// What stands at `at`, before the content's end.
Result<std::string> PickupDesk::part_of(const Content& content, const Descriptor& file,
                                        std::uint64_t at) {
  auto bytes = std::min(content.bytes - at, copy_bytes);
  if (file) return read_exactly(file.number(), at, bytes, "the body");
  return content.front.substr(at, bytes);
}

/// Carries out what header_checks and their kin say. Errors: 550 (refused); control_busy as for
/// rewrite().
Result<void> PickupDesk::apply(ContentVerdict verdict, HeaderDraft& header, Envelope& envelope) {
  if (verdict.refusal && verdict.refusal->is_temporary()) {
    return Error(control_busy, verdict.refusal->text_with_status());
  }
  if (verdict.refusal) return *std::move(verdict.refusal);
  envelope.is_held = envelope.is_held || verdict.is_held;
  for (auto& address : verdict.bcc) add_recipient(envelope.recipients, std::move(address));
  if (verdict.filter) envelope.filter = *std::move(verdict.filter);
  if (verdict.redirect) redirect_all(envelope.recipients, *std::move(verdict.redirect));
  envelope.is_8bit = envelope.is_8bit || verdict.has_8bit_edits();
  header.edit_whole(verdict.header_edits);
  header.edit_body(verdict.body_edits, verdict.line_ends);
  return {};
}

/// header_checks and their kin. True: the message is to be thrown away. Errors: as apply(), 552.
/// `file`: the content, where it is more than `content.front`.
Task<Result<bool>> PickupDesk::check_content(const Content& content, const Descriptor& file,
                                             std::shared_ptr<const Config> config,
                                             HeaderDraft& header, Envelope& envelope) {
  ContentInspection inspection(ask_.check_content, "", *config);
  inspection.begin(header.whole(), header.body_offset());
  LogTransaction line;
  line.queue_id = envelope.id.value();
  line.has_sender = line.has_recipient = true;
  line.sender = envelope.sender;
  line.recipient = envelope.recipients.back().address;
  std::uint64_t at = header.body_offset();
  for (bool is_whole = false;;) {
    auto checking = inspection.check(line);
    auto verdict = co_await std::move(checking);
    if (!verdict && !verdict.error().is_temporary()) co_return std::move(verdict).error();
    if (!verdict) co_return Error(control_busy, "4.3.0", "temporary lookup failure");
    if (verdict->is_discarded) co_return true;
    CO_TRY_DO(apply(*std::move(verdict), header, envelope));
    if (is_whole) co_return false;
    for (bool is_due = false; !is_due;) {
      is_whole = at >= content.bytes || !inspection.wants_more();
      if (is_whole) break;
      auto piece = co_await loop_.offload([&] { return part_of(content, file, at); });
      if (!piece) co_return std::move(piece).error();
      at += piece->size();
      is_due = inspection.feed(*piece);
    }
    if (is_whole) inspection.finish();
  }
}

Task<Result<PickupDesk::Understood>> PickupDesk::understand(Content& content, Descriptor& file,
                                                            std::uint32_t uid,
                                                            std::shared_ptr<const Config> config,
                                                            Envelope& envelope) {
  Understood understood;
  CO_TRY(auto header, draft_header(content, uid, *config, envelope));
  if (has_content_checks(*config) && !is_left_out(*config, no_header_body_checks)) {
    auto checking = check_content(content, file, config, header, envelope);
    CO_TRY(understood.is_discarded, co_await std::move(checking));
  }
  bool is_asked = rewrites_addresses(*config) || has_blind_copies(*config);
  if (is_asked && !understood.is_discarded && !is_left_out(*config, no_address_mappings)) {
    auto rewriting = rewrite(config, header, envelope);
    CO_TRY_DO(co_await std::move(rewriting));
  }
  bool has_milters = !config->non_smtpd_milters.empty() && !is_left_out(*config, no_milters);
  if (has_milters && !understood.is_discarded) {
    auto showing = show_milters(content, file, config, header, envelope);
    CO_TRY(understood.is_discarded, co_await std::move(showing));
  }
  describe(content, std::move(header), *config, envelope);
  co_return understood;
}

Task<Result<QueueId>> PickupDesk::take(LocalSubmission submission, std::uint32_t uid,
                                       const Descriptor& file, std::uint64_t offset,
                                       std::uint64_t bytes, Changes extra) {
  auto config = config_();
  auto naming = name_submitter(uid);
  CO_TRY(std::string user, co_await std::move(naming));
  if (!config->message_size_limit.allows(bytes)) co_return too_large();
  CO_TRY(auto envelope, envelope_of(submission, *config, clock_));
  if (!user.empty()) {
    auto counting = ask_.count_outgoing(std::move(user), envelope.recipients);
    auto counted = co_await std::move(counting);
    if (!counted) co_return Error(control_busy, counted.error().text_with_status());
  }
  QueueId id = envelope.id;
  envelope.body_is_file = bytes > inline_body_bytes_max;
  Descriptor target;
  if (envelope.body_is_file) {
    CO_TRY(target, co_await queue_.open_body(id));
  }
  auto content = co_await loop_.offload([&] { return copy(file, offset, bytes, target, *config); });
  Result<Understood> understood = content ? Result<Understood>(Understood()) : content.error();
  if (content) {
    auto work = understand(*content, target, uid, config, envelope);
    understood = co_await std::move(work);
  }
  bool is_kept = understood && !understood->is_discarded;
  if (!is_kept && target) co_await queue_.drop_body(id);
  if (!understood) co_return std::move(understood).error();
  log_pickup(id.value(), uid, envelope.sender);
  log_message_id(id.value(), envelope.message_id);
  if (!is_kept) co_return id;
  std::string body;
  if (!target)
    body = content->rewritten ? *std::move(content->rewritten) : std::move(content->front);
  auto work = scheduler_.submit(std::move(envelope), std::move(body), std::move(extra));
  auto taken = co_await std::move(work);
  if (!taken && target) co_await queue_.drop_body(id);
  if (!taken) co_return std::move(taken).error();
  co_return id;
}

// The files of maildrop.

std::vector<std::string> PickupDesk::names() const {
  std::vector<std::string> found;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(maildrop().c_str()), ::closedir);
  if (!entries) return found;
  auto oldest = ::time(nullptr) - std::chrono::seconds(unfinished_drop_max).count();
  while (const dirent* entry = ::readdir(entries.get())) {
    std::string name = entry->d_name;
    if (is_queue_id(name)) {
      found.push_back(name);
      continue;
    }
    struct stat status {};
    if (name.starts_with("new.") &&
        ::fstatat(::dirfd(entries.get()), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_mtime < oldest) {
      ::unlinkat(::dirfd(entries.get()), name.c_str(), 0);
    }
  }
  std::ranges::sort(found);
  return found;
}

/// Errors: 501 (not a drop file), 451.
Result<PickupDesk::Drop> PickupDesk::open(const std::string& name) const {
  Drop drop;
  drop.name = name;
  std::string path = maildrop() + "/" + name;
  drop.file = Descriptor(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!drop.file || ::fstat(drop.file.number(), &status) != 0) return file_error("open", path);
  if (!S_ISREG(status.st_mode) || status.st_nlink != 1) {
    return Error(501, "not a regular file, or one with several links");
  }
  auto size = static_cast<std::uint64_t>(status.st_size);
  auto wanted = std::min<std::uint64_t>(size, submission_bytes_max + 64);
  TRY(auto front, read_exactly(drop.file.number(), 0, wanted, path));
  TRY(auto head, parse_drop_head(front));
  drop.submission = std::move(head.submission);
  drop.uid = status.st_uid;
  drop.offset = head.bytes;
  drop.bytes = size - head.bytes;
  return drop;
}

Task<Result<QueueId>> PickupDesk::take_open(Result<Drop> opened, std::string key) {
  CO_TRY(auto drop, std::move(opened));
  Changes mark;
  mark.put(std::move(key), "");
  auto work = take(drop.submission, drop.uid, drop.file, drop.offset, drop.bytes, std::move(mark));
  co_return co_await std::move(work);
}

/// A key in the database marks the file as committed until the file has been removed for good, so
/// that a crash in between does not submit it twice. False: try again later.
Task<bool> PickupDesk::take_drop(std::string name) {
  const std::string path = maildrop() + "/" + name;
  const std::string key = keys::dropped(name);
  auto is_taken = co_await queue_.has(key);
  if (!is_taken) co_return false;
  if (!*is_taken) {
    auto drop = co_await loop_.offload([&] { return open(name); });
    auto work = take_open(std::move(drop), key);
    auto taken = co_await std::move(work);
    if (!taken && taken.error().is_temporary()) {
      log_warning("pickup", "maildrop file " + name + ": " + taken.error().text());
      co_return false;
    }
    if (!taken) {
      std::string kept = maildrop() + "/corrupt." + name;
      log_warning("pickup", "maildrop file " + name + " can't be submitted: " +
                                taken.error().text() + "; kept as " + kept);
      ::rename(path.c_str(), kept.c_str());
      co_return true;
    }
  }
  auto removed = co_await loop_.offload([&]() -> Result<void> {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return file_error("remove", path);
    return sync_directory(maildrop());
  });
  if (!removed) {
    log_warning("pickup", removed.error().text());
    co_return false;
  }
  Changes unmark;
  unmark.erase(key);
  auto recorded = queue_.record(std::move(unmark));
  co_await std::move(recorded);
  co_return true;
}

Task<> PickupDesk::empty_maildrop() {
  auto found = co_await loop_.offload([&] { return names(); });
  for (const auto& name : found) co_await take_drop(name);
}

Task<> PickupDesk::run() {
  for (;;) {
    co_await empty_maildrop();
    co_await within(loop_, maildrop_round, wait_for_wake());
  }
}

}  // namespace pennypost::smtp
