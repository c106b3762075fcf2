#include "smtpd/queue/queue.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <unordered_map>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/base/wire.h"
#include "smtpd/queue/check_envelope.h"
#include "smtpd/queue/queue_id.h"
#include "smtpd/queue/refusal.h"
#include "store/kv/salvage.h"

namespace pennypost::smtp {
namespace {

/// Reads an envelope of the present format or an earlier one.
Result<Envelope> decode_envelope(std::string_view bytes) {
  auto envelope = wire::decode<Envelope>(bytes);
  if (envelope) return envelope;
  auto sixth = wire::decode<SixthEnvelope>(bytes);
  if (sixth) return Envelope(*std::move(sixth));
  auto fifth = wire::decode<FifthEnvelope>(bytes);
  if (fifth) return Envelope(*std::move(fifth));
  auto fourth = wire::decode<FourthEnvelope>(bytes);
  if (fourth) return Envelope(*std::move(fourth));
  auto second = wire::decode<SecondEnvelope>(bytes);
  if (second) return Envelope(*std::move(second));
  auto first = wire::decode<FirstEnvelope>(bytes);
  if (!first) return envelope;
  return Envelope(*std::move(first));
}

/// Whose mail it is; empty: this host's, as of a command.
std::string domain_of(const Recipient& recipient) {
  const std::string address = recipient.served_address();
  auto at = address.rfind('@');
  return at == address.npos ? "" : lower(std::string_view(address).substr(at + 1));
}

constexpr std::chrono::milliseconds lock_poll{100};
constexpr int damaged = static_cast<int>(store::StorageProblem::Damaged);

Error damaged_message(const QueueId& id, const std::string& what) {
  return Error(damaged, "5.3.0", id.value() + ": " + what);
}

/// Opens the database; waits while a previous process that is about to end still holds it.
Result<store::Salvaged> open_database(const Queue::Options& options, const Clock& clock) {
  auto until = std::chrono::steady_clock::now() + options.lock_wait;
  for (;;) {
    auto opened = store::open_or_salvage(options.directory / "db", store::Profile::queue(), clock);
    if (opened || std::chrono::steady_clock::now() >= until) return opened;
    if (store::storage_problem(opened.error()) != store::StorageProblem::Locked) return opened;
    std::this_thread::sleep_for(lock_poll);
  }
}

/// Opens the database even on a full disk: opening writes the log of the last run into table files,
/// for which the ballast is freed.
Result<store::Salvaged> open_with_ballast(const Queue::Options& options, const Clock& clock) {
  auto opened = open_database(options, clock);
  bool is_full = !opened && store::storage_problem(opened.error()) == store::StorageProblem::Full;
  Ballast ballast(options.directory / "ballast", options.ballast_bytes);
  if (!is_full || !ballast.release()) return opened;
  return open_database(options, clock);
}

/// Lines for the log: the loss as a whole, then each message that it affects.
std::vector<std::string> describe(const store::Loss& loss) {
  std::vector<std::string> lines{loss.text()};
  for (const auto& key : loss.keys) {
    std::string id = printable(std::string_view(key).substr(1, queue_id_bytes));
    if (key.starts_with(keys::envelopes)) {
      lines.push_back(id + ": the envelope, or its removal, is lost");
    } else if (key.starts_with(keys::bodies)) {
      lines.push_back(id + ": the body, or its removal, is lost");
    } else {
      lines.push_back(id + ": an outcome is lost; it may be delivered again");
    }
  }
  return lines;
}

}  // namespace

Queue::Queue(Loop& loop, Options options, store::Database database, BodyFiles files)
    : loop_(loop),
      options_(std::move(options)),
      database_(std::move(database)),
      files_(std::move(files)),
      ballast_(options_.directory / "ballast", options_.ballast_bytes),
      committer_(
          std::make_unique<Committer>(loop, database_, files_, ballast_, options_.quick_commit)) {}

Queue::~Queue() = default;

Result<Queue::Opened> Queue::open(Loop& loop, const Options& options, const Clock& clock) {
  TRY_DO(make_directory(options.directory, 0755));
  TRY(auto salvaged, open_with_ballast(options, clock));
  TRY(auto files, BodyFiles::open(options.directory / "body"));
  Opened opened;
  if (salvaged.loss) opened.warnings = describe(*salvaged.loss);
  opened.queue = std::unique_ptr<Queue>(
      new Queue(loop, options, std::move(salvaged.database), std::move(files)));
  Queue& queue = *opened.queue;

  TRY_DO(queue.check_form());
  TRY(auto stopped, queue.database_.find(keys::stopped));
  opened.was_stopped_orderly = stopped.has_value() && !salvaged.loss;
  if (stopped) {
    store::Batch batch;
    batch.erase(keys::stopped);
    auto erased = queue.database_.commit(batch, store::Sync::Yes);
    if (!erased) return std::move(erased).error();
  }
  TRY(opened.waiting, queue.read_waiting());
  auto is_known = [&](const QueueId& id) {  // they are sorted, as their keys are
    return std::ranges::binary_search(opened.waiting, id, {}, &Waiting::id);
  };
  if (salvaged.loss) {
    TRY_DO(queue.erase_remains(is_known, opened.warnings));
  }
  std::size_t orphans = queue.files_.remove_orphans(std::chrono::seconds(0), is_known);
  if (orphans > 0) {
    opened.warnings.push_back("removed " + std::to_string(orphans) +
                              " bodies of interrupted receptions");
  }
  if (auto made = queue.ballast_.make(); !made) {
    opened.warnings.push_back(made.error().text() + "; new mail is refused until there is room");
    queue.committer_->begin_full();
  }
  return opened;
}

/// Refuses a queue stored in another format, since what could be decoded of it might be wrong. A
/// queue without a format number is new or older than these numbers: then its envelopes are tried.
Result<void> Queue::check_form() {
  TRY(auto form, database_.find(keys::form));
  if (form && *form == stored_form) return {};
  bool is_ours = !form || *form == first_form || *form == second_form || *form == third_form ||
                 *form == fourth_form || *form == fifth_form || *form == sixth_form;
  bool is_unknown = !form;
  auto entry = database_.scan(keys::envelopes);
  for (; is_unknown && is_ours && entry.valid(); entry.next()) {
    is_ours = decode_envelope(entry.value()).has_value();
  }
  TRY_DO(entry.status());
  if (!is_ours) {
    return Error(
        451, "4.3.5",
        options_.directory.string() + " was written by " +
            (form ? "a version with queue format " + printable(*form, 20)
                  : std::string("an older version")) +
            "; this version reads format " + std::string(stored_form) +
            "; let the other version deliver the waiting mail, or move the directory away");
  }
  store::Batch batch;
  batch.put(keys::form, stored_form);
  return database_.commit(batch, store::Sync::Yes);
}

/// Removes what a damaged log has left of messages whose envelope is lost.
Result<void> Queue::erase_remains(const std::function<bool(const QueueId&)>& is_known,
                                  std::vector<std::string>& warnings) {
  store::Batch batch;
  for (auto prefix : {keys::bodies, keys::messages, keys::recipients}) {
    auto entry = database_.scan(prefix);
    for (; entry.valid(); entry.next()) {
      std::string id(entry.key().substr(prefix.size(), queue_id_bytes));
      if (is_known(QueueId(id))) continue;
      if (prefix == keys::bodies) warnings.push_back(id + ": the envelope of a message is lost");
      batch.erase(entry.key());
    }
    TRY_DO(entry.status());
  }
  if (batch.empty()) return {};
  return database_.commit(batch, store::Sync::Yes);
}

Task<Result<Descriptor>> Queue::open_body(QueueId id) {
  if (!is_queue_id(id.value())) co_return Error(501, "5.5.4", "not a queue id");
  if (!committer_->takes_in()) co_return insufficient_storage();
  CO_TRY_DO(check_room());
  auto file = co_await loop_.offload([&] { return files_.create(id); });
  co_return std::move(file);
}

Task<> Queue::drop_body(QueueId id) {
  if (!is_queue_id(id.value())) co_return;
  co_await loop_.offload([&] {
    auto known = database_.find(keys::envelope(id));
    if (known && !*known) files_.remove(id);
  });
}

Task<Result<void>> Queue::submit(Envelope envelope, std::string body, Changes extra) {
  CO_TRY_DO(check_envelope(envelope, body.size()));
  CO_TRY_DO(check_room());
  if (envelope.body_is_file) {
    auto checked = co_await loop_.offload([&] { return check_body_file(envelope); });
    if (!checked) co_return std::move(checked).error();
  }
  Changes changes = std::move(extra);
  put_new(changes, envelope, std::move(body));
  auto taken = committer_->take_in(std::move(changes));
  co_return co_await std::move(taken);
}

/// Asks the file system at most ten times a second; statvfs() is answered from memory and does not
/// block.
Result<void> Queue::check_room() {
  auto now = loop_.now();
  if (options_.free_bytes_min > 0 && now >= next_look_for_room_) {
    struct statvfs disk {};
    has_room_ = ::statvfs(options_.directory.c_str(), &disk) != 0 ||
                disk.f_bavail * disk.f_frsize >= options_.free_bytes_min;
    next_look_for_room_ = now + std::chrono::milliseconds(100);
  }
  if (has_room_) return {};
  return insufficient_storage();
}

Result<void> Queue::check_body_file(const Envelope& envelope) const {
  if (!envelope.body_is_file) return {};
  TRY(auto size, files_.size(envelope.id));
  if (size != envelope.body_bytes) return Error(451, "4.3.0", "the body's file is incomplete");
  return {};
}

Task<Result<std::optional<QueuedMessage>>> Queue::load(QueueId id) {
  auto message = co_await loop_.offload([&] { return read(id); });
  co_return std::move(message);
}

Result<std::optional<QueuedMessage>> Queue::read(const QueueId& id) const {
  TRY(auto bytes, database_.find(keys::envelope(id)));
  if (!bytes) return std::optional<QueuedMessage>();
  auto envelope = decode_envelope(*bytes);
  bool is_sound = envelope && envelope->id == id &&
                  check_envelope(*envelope, envelope->body_is_file ? 0 : envelope->body_bytes);
  if (!is_sound) return damaged_message(id, "the envelope is damaged");
  std::optional<MessageRecord> record;
  TRY(auto record_bytes, database_.find(keys::message(id)));
  if (record_bytes) {
    auto decoded = decode_message_record(*record_bytes);
    if (!decoded) return damaged_message(id, "its record is damaged");
    record = *decoded;
  }
  TRY(auto outcomes, read_outcomes(id));
  return std::optional<QueuedMessage>(
      QueuedMessage(*std::move(envelope), record, std::move(outcomes)));
}

Result<std::vector<RecipientRecord>> Queue::read_outcomes(const QueueId& id) const {
  std::vector<RecipientRecord> outcomes;
  auto entry = database_.scan(keys::recipients_of(id));
  for (; entry.valid(); entry.next()) {
    auto outcome = wire::decode<RecipientRecord>(entry.value());
    if (!outcome || !is_possible(*outcome, keys::number_of(entry.key()))) {
      return damaged_message(id, "a recipient's record is damaged");
    }
    outcomes.push_back(*std::move(outcome));
  }
  TRY_DO(entry.status());
  return outcomes;
}

Task<Result<std::optional<std::string>>> Queue::find_damage(QueueId id) {
  auto damage = co_await loop_.offload([&] { return look_for_damage(id); });
  co_return std::move(damage);
}

Result<std::optional<std::string>> Queue::look_for_damage(const QueueId& id) const {
  auto message = read(id);
  auto problem = message ? Result<void>() : Result<void>(message.error());
  if (message && *message) {
    const Envelope& envelope = (*message)->envelope();
    auto body = read_body(envelope);
    if (!body) {
      problem = body.error();
    } else if (!check_body_file(envelope)) {
      problem = damaged_message(id, "the body's file is incomplete");
    } else if (!envelope.body_is_file && body->bytes.size() != envelope.body_bytes) {
      problem = damaged_message(id, "the body is incomplete");
    }
  }
  if (problem) return std::optional<std::string>();
  // What is missing is no damage if the message has just been delivered.
  TRY(auto envelope, database_.find(keys::envelope(id)));
  if (!envelope) return std::optional<std::string>();
  return std::optional<std::string>(problem.error().text());
}

Task<Changes> Queue::removal(QueueId id) {
  Changes changes;
  changes.erase(keys::envelope(id));
  changes.erase(keys::body(id));
  changes.erase(keys::message(id));
  changes.remove_file_after(id);
  co_await loop_.offload([&] {
    auto entry = database_.scan(keys::recipients_of(id));
    for (; entry.valid(); entry.next()) changes.erase(std::string(entry.key()));
  });
  co_return std::move(changes);
}

Task<Result<QueuedBody>> Queue::body(const Envelope& envelope) {
  auto body = co_await loop_.offload([&] { return read_body(envelope); });
  co_return std::move(body);
}

Result<QueuedBody> Queue::read_body(const Envelope& envelope) const {
  QueuedBody body;
  if (envelope.body_is_file) {
    TRY(body.file, files_.open_to_read(envelope.id));
    return body;
  }
  TRY(auto bytes, database_.find(keys::body(envelope.id)));
  if (!bytes) return damaged_message(envelope.id, "the body is missing");
  body.bytes = *std::move(bytes);
  return body;
}

Task<Result<std::string>> Queue::text(const Envelope& envelope, std::uint64_t bytes_max) {
  auto text = co_await loop_.offload([&] { return read_text(envelope, bytes_max); });
  co_return std::move(text);
}

Result<std::string> Queue::read_text(const Envelope& envelope, std::uint64_t bytes_max) const {
  TRY(auto body, read_body(envelope));
  std::string text;
  for (const auto& piece : envelope.pieces) {
    std::uint64_t room = bytes_max - text.size();
    if (room == 0) break;
    if (piece.length == 0) {
      text += piece.text.substr(0, room);
    } else if (body.file) {
      TRY(auto range, read_exactly(body.file.number(), piece.offset, std::min(piece.length, room),
                                   BodyFiles::name_of(envelope.id)));
      text += range;
    } else {
      text += std::string_view(body.bytes).substr(piece.offset, std::min(piece.length, room));
    }
  }
  return text;
}

Task<Result<bool>> Queue::has(std::string key) {
  auto found = co_await loop_.offload([&] { return database_.find(key); });
  if (!found) co_return std::move(found).error();
  co_return found->has_value();
}

Task<> Queue::record(Changes changes, bool can_wait) {
  if (changes.empty()) co_return;
  auto recorded = committer_->record(std::move(changes), can_wait);
  co_await std::move(recorded);
}

Task<Result<std::vector<Queue::Listed>>> Queue::list(QueueId after, std::size_t count) {
  auto listed = co_await loop_.offload([&] { return read_list(after, count); });
  co_return std::move(listed);
}

/// Envelopes, records and outcomes are sorted alike, so one pass over all three is enough.
Result<std::vector<Queue::Listed>> Queue::read_list(const QueueId& after, std::size_t count) const {
  std::vector<Listed> listed;
  auto at = database_.snapshot();
  auto entry = database_.scan(keys::envelopes, at);
  if (!after.value().empty()) entry.seek(keys::envelope(after) + '\0');
  auto record = database_.scan(keys::messages, at);
  auto outcome = database_.scan(keys::recipients, at);
  if (!after.value().empty()) {
    record.seek(keys::message(after));
    outcome.seek(keys::recipients_of(after));
  }
  std::size_t recipients = 0;
  for (; entry.valid() && listed.size() < count && recipients < list_recipients_max; entry.next()) {
    auto envelope = decode_envelope(entry.value());
    if (!envelope) continue;
    Listed message;
    message.envelope = *std::move(envelope);
    std::string record_key = keys::message(message.envelope.id);
    while (record.valid() && record.key() < record_key) record.next();
    if (record.valid() && record.key() == record_key) {
      if (auto decoded = decode_message_record(record.value())) message.record = *decoded;
    }
    std::string prefix = keys::recipients_of(message.envelope.id);
    while (outcome.valid() && outcome.key() < prefix) outcome.next();
    for (; outcome.valid() && outcome.key().starts_with(prefix); outcome.next()) {
      // A damaged record is reported when the message is loaded; the others are listed.
      auto decoded = wire::decode<RecipientRecord>(outcome.value());
      if (!decoded || !is_possible(*decoded, keys::number_of(outcome.key()))) continue;
      message.outcomes.push_back(*std::move(decoded));
    }
    recipients += message.envelope.recipients.size() + message.outcomes.size();
    listed.push_back(std::move(message));
  }
  TRY_DO(entry.status());
  TRY_DO(record.status());
  TRY_DO(outcome.status());
  return listed;
}

Task<Result<std::vector<Queue::PutOff>>> Queue::put_off(std::size_t domains_max) {
  auto found = co_await loop_.offload([&] { return read_put_off(domains_max); });
  co_return std::move(found);
}

/// Outcomes are sorted by the time at which their messages came: the first domains that are seen
/// are those that wait longest, and of others nothing need be kept.
Result<std::vector<Queue::PutOff>> Queue::read_put_off(std::size_t domains_max) const {
  std::vector<PutOff> found;
  std::unordered_map<std::string, std::size_t> places;
  auto outcome = database_.scan(keys::recipients);
  for (; outcome.valid(); outcome.next()) {
    auto decoded = wire::decode<RecipientRecord>(outcome.value());
    if (!decoded || decoded->state != RecipientState::Pending || decoded->reason.empty()) continue;
    auto domain = domain_of(decoded->recipient);
    auto place = places.find(domain);
    if (place != places.end()) {
      ++found[place->second].recipients;
    } else if (found.size() < domains_max) {
      places.emplace(domain, found.size());
      auto id = outcome.key().substr(keys::recipients.size(), queue_id_bytes);
      found.push_back(
          {std::move(domain), 1, time_of_queue_id(id) / 1'000'000, std::move(decoded->reason)});
    }
  }
  TRY_DO(outcome.status());
  return found;
}

/// Envelopes and records are sorted alike, so one pass over both is enough. The envelope is decoded
/// only of a message that has no record: there may be a million of the others.
Result<std::vector<Queue::Waiting>> Queue::read_waiting() const {
  std::vector<Waiting> waiting;
  auto entry = database_.scan(keys::envelopes);
  auto record = database_.scan(keys::messages);
  for (; entry.valid(); entry.next()) {
    std::string_view name = entry.key().substr(keys::envelopes.size());
    while (record.valid() && record.key().substr(keys::messages.size()) < name) record.next();
    bool has_record = record.valid() && record.key().substr(keys::messages.size()) == name;
    QueueId id{std::string(name)};
    if (has_record) {
      if (auto decoded = decode_message_record(record.value())) {
        waiting.push_back(Waiting{std::move(id), decoded->due, std::max(1U, decoded->pending),
                                  decoded->is_held, false});
        continue;
      }
    }
    auto envelope = decode_envelope(entry.value());
    // A damaged message is kept here: it is reported when it is loaded.
    Waiting one{std::move(id)};
    one.is_new = true;
    if (envelope) {
      one.due = envelope->arrival / 1'000'000;
      one.recipients = static_cast<std::uint32_t>(envelope->recipients.size());
      one.is_held = envelope->is_held;
    }
    waiting.push_back(std::move(one));
  }
  TRY_DO(entry.status());
  TRY_DO(record.status());
  return waiting;
}

Task<> Queue::note_orderly_stop() {
  Changes changes;
  changes.put(std::string(keys::stopped), "clean");
  auto recorded = committer_->record(std::move(changes));
  co_await std::move(recorded);
}

Task<Result<void>> Queue::make_checkpoint() {
  auto made = co_await loop_.offload([&] { return write_checkpoint(); });
  co_return std::move(made);
}

/// A message that is removed meanwhile may be in the copy of the database, so its file stays until
/// it is linked.
Result<void> Queue::write_checkpoint() {
  auto directory = options_.directory / "checkpoint";
  std::error_code problem;
  std::filesystem::remove_all(directory, problem);
  if (problem) return Error::temporary(directory.string() + ": " + problem.message());
  TRY_DO(make_directory(directory.string()));
  BodyFiles::Hold hold(files_);
  TRY_DO(database_.checkpoint(directory / "db"));
  return files_.link_all(directory / "body");
}

Task<std::size_t> Queue::remove_orphans() {
  std::size_t count = co_await loop_.offload([&] {
    return files_.remove_orphans(orphan_seconds, [&](const QueueId& id) {
      auto found = database_.find(keys::envelope(id));
      return !found || found->has_value();
    });
  });
  co_return count;
}

Queue::Options queue_options(const Config& config) {
  Queue::Options options;
  options.directory = config.queue_directory;
  options.ballast_bytes = config.queue_ballast;
  // 1.5 times the largest message, as Postfix recommends.
  auto for_one_more = config.message_size_limit.value() * 3 / 2;
  options.free_bytes_min = config.queue_minfree > 0 ? config.queue_minfree : for_one_more;
  return options;
}

}  // namespace pennypost::smtp
