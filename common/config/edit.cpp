#include "common/config/edit.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <tuple>

#include "common/base/descriptor.h"
#include "common/base/file.h"
#include "common/base/own_file.h"
#include "common/base/safe_open.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/config/load.h"
#include "common/config/value_check.h"

namespace pennypost {
namespace {

Error failed(const std::string& path, const char* remedy) {
  return Error::permanent(describe_refusal(path, errno) + "; " + remedy);
}

/// Where each line of a text begins.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(i + 1);
    }
  }
  /// The offset of a line, from 1; a line after the last begins at the end.
  std::size_t start(std::size_t line) const {
    return line <= starts_.size() ? starts_[line - 1] : text_.size();
  }
  /// The offset of a place, whose columns count code points of UTF-8.
  std::size_t offset(TomlPlace place) const {
    std::size_t at = start(place.line);
    for (std::size_t column = 1; column < place.column && at < text_.size(); ++column) {
      do ++at;
      while (at < text_.size() && (static_cast<unsigned char>(text_[at]) & 0xc0) == 0x80);
    }
    return at;
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else {
      result += c;
    }
  }
  return result + "\"";
}

bool is_comment_or_blank(std::string_view line) {
  line = trim(line);
  return line.empty() || line.starts_with('#');
}

bool is_section_name(std::string_view name) {
  return !name.empty() &&
         std::ranges::all_of(name, [](char c) { return is_alnum(c) || c == '_' || c == '-'; });
}

bool is_setting_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return is_alnum(c) || c == '_'; });
}

const TomlEntry* find_entry(const TomlFile& file, const SettingEdit& edit) {
  auto found = std::ranges::find_if(file.entries, [&](const TomlEntry& entry) {
    return entry.name == edit.name && entry.service == edit.scope &&
           entry.own_section == edit.own_section;
  });
  return found == file.entries.end() ? nullptr : &*found;
}

/// The offset after the line with a setting in a comment, as in the examples of etc/; npos if there
/// is none. Comments below a section's header belong to that section.
std::size_t behind_comment(std::string_view text, const TomlFile& file, const Lines& lines,
                           std::string_view name) {
  std::size_t end = file.first_section == 0 ? text.size() : lines.start(file.first_section);
  std::size_t line = 1;
  for (; lines.start(line) < end; ++line) {
    std::string_view rest =
        text.substr(lines.start(line), lines.start(line + 1) - lines.start(line));
    if (!rest.starts_with('#')) continue;
    rest = trim(rest.substr(1));
    if (rest.starts_with("[service.")) break;
    if (!rest.starts_with(name)) continue;
    if (trim(rest.substr(name.size())).starts_with('=')) return lines.start(line + 1);
  }
  return text.npos;
}

/// Where to insert a new line: after the last setting of its section or, for the host, before the
/// first section and the comments right above that.
std::size_t insertion(std::string_view text, const TomlFile& file, const Lines& lines,
                      const SettingEdit& edit) {
  auto scope = edit.scope;
  if (!edit.own_section.empty()) {
    auto section = file.own_sections.find(edit.own_section);
    if (section == file.own_sections.end()) return text.size();
    std::size_t line = section->second;
    for (const TomlEntry& entry : file.entries) {
      if (entry.own_section == edit.own_section) line = std::max(line, entry.value_end.line);
    }
    return lines.start(line + 1);
  }
  if (scope) {
    std::size_t line = file.sections[static_cast<std::size_t>(*scope)];
    for (const TomlEntry& entry : file.entries) {
      if (entry.service == scope) line = std::max(line, entry.value_end.line);
    }
    return line == 0 ? text.size() : lines.start(line + 1);
  }
  std::size_t comment = behind_comment(text, file, lines, edit.name);
  if (comment != text.npos) return comment;
  if (file.first_section == 0) return text.size();
  std::size_t line = file.first_section;
  while (line > 1) {
    std::size_t begin = lines.start(line - 1);
    std::string_view above = text.substr(begin, lines.start(line) - begin);
    if (!is_comment_or_blank(above)) break;
    --line;
  }
  return lines.start(line);
}

std::string with_setting(std::string_view text, const TomlFile& file, const SettingEdit& edit) {
  Lines lines(text);
  auto parameter = find_parameter(edit.name);
  bool is_setting = parameter && edit.own_section.empty();
  std::string value = is_setting ? toml_value(*parameter, edit.text) : pennypost::quoted(edit.text);
  if (const TomlEntry* entry = find_entry(file, edit)) {
    std::string result(text.substr(0, lines.offset(entry->value_begin)));
    return result + value + std::string(text.substr(lines.offset(entry->value_end)));
  }
  std::size_t at = insertion(text, file, lines, edit);
  std::string result(text.substr(0, at));
  if (!result.empty() && !result.ends_with('\n')) result += '\n';
  if (edit.scope && file.sections[static_cast<std::size_t>(*edit.scope)] == 0) {
    result += "\n[service." + std::string(name_of(*edit.scope)) + "]\n";
  }
  if (!edit.own_section.empty() && !file.own_sections.contains(edit.own_section)) {
    result += "\n[" + edit.own_section + "]\n";
  }
  return result + edit.name + " = " + value + "\n" + std::string(text.substr(at));
}

/// Removes the setting's lines, or puts `# ` before each.
std::string without_setting(std::string_view text, const TomlEntry& entry, bool comment_out) {
  Lines lines(text);
  std::string result(text.substr(0, lines.start(entry.key.line)));
  for (std::size_t line = entry.key.line; comment_out && line <= entry.value_end.line; ++line) {
    std::size_t begin = lines.start(line);
    result += "# " + std::string(text.substr(begin, lines.start(line + 1) - begin));
  }
  return result + std::string(text.substr(lines.start(entry.value_end.line + 1)));
}

/// Whether `after` differs from `before` only by this edit.
bool differs_by(const TomlFile& before, const TomlFile& after, const SettingEdit& edit) {
  using Key = std::tuple<std::optional<Service>, std::string, std::string>;
  using Values = std::vector<std::pair<Key, std::string>>;
  auto values = [](const TomlFile& file) {
    Values result;
    for (const TomlEntry& entry : file.entries) {
      result.push_back({{entry.service, entry.own_section, entry.name}, entry.text});
    }
    return result;
  };
  Values expected = values(before);
  Key key{edit.scope, edit.own_section, edit.name};
  std::erase_if(expected, [&](const auto& value) { return value.first == key; });
  if (edit.kind == SettingEdit::Set) expected.push_back({key, edit.text});
  Values actual = values(after);
  std::ranges::sort(expected);
  std::ranges::sort(actual);
  return after.is_toml && expected == actual;
}

/// What is wrong with a key of a section of the admin's own: the reader of the whole file says it.
Result<void> check_own_key(std::string_view toml, const SettingEdit& edit,
                           const LoadOptions& options) {
  auto config = Config::parse(toml, options);
  if (config) return {};
  const std::string file = options.directory + "/main.toml";
  TomlFile read = read_toml(toml, file);
  const TomlEntry* entry = find_entry(read, edit);
  std::string line = entry == nullptr ? "" : file + ":" + std::to_string(entry->key.line) + ":";
  for (auto problem : split(config.error().text(), '\n')) {
    bool is_about = (!line.empty() && problem.starts_with(line)) ||
                    problem.find("[" + edit.own_section + "]:") != problem.npos;
    if (is_about) return Error::permanent(std::string(problem));
  }
  return {};
}

/// A section begins with its kind.
Result<void> check_section(const TomlFile& file, const SettingEdit& edit) {
  if (edit.own_section.empty() || edit.name == "kind") return {};
  if (file.own_sections.contains(edit.own_section)) return {};
  bool is_service = edit.own_section.starts_with("service.");
  return Error::permanent(edit.own_section + "." + edit.name +
                          (is_service
                               ? ": unknown service; write service.submission.name, or begin "
                                 "one of your own with "
                               : ": there is no such section; begin it with ") +
                          edit.own_section + ".kind=smtp");
}

/// A name that is no setting may be a class of smtpd_restriction_classes.
Result<void> check_class(const Layers& layers, const std::string& name) {
  auto given = layers.classes().find(name);
  if (given == layers.classes().end()) return Error::permanent(unknown_parameter(name));
  TRY(auto text, layers.expand(given->second.text, {}));
  auto list = kinds::Restrictions::parse(text, kinds::any);
  if (!list) return Error::permanent(name + ": " + list.error().text());
  TRY(auto declared, list_items(layers.value("smtpd_restriction_classes")));
  std::string problem = class_problem(*list, declared);
  if (!problem.empty()) return Error::permanent(name + ": " + problem);
  return {};
}

Result<void> check_value(std::string_view toml, const SettingEdit& edit,
                         const LoadOptions& options) {
  if (!edit.own_section.empty()) return check_own_key(toml, edit, options);
  Layers layers = Layers::parse(toml, options);
  if (auto form = layers.own_forms().find(edit.name); form != layers.own_forms().end()) {
    return check_own_key(toml, edit, options);
  }
  auto parameter = find_parameter(edit.name);
  if (!parameter) return check_class(layers, edit.name);
  std::size_t index = *parameter;
  Settings settings;
  std::size_t classes = *find_parameter("smtpd_restriction_classes");
  (void)assign(settings, classes, layers.value("smtpd_restriction_classes"));
  // A list of networks may be $mynetworks, whose own mistakes are reported when that is edited.
  std::size_t mynetworks = *find_parameter("mynetworks");
  if (auto list = layers.expanded(mynetworks, edit.scope)) {
    (void)assign(settings, mynetworks, *list);
  }
  auto text = layers.expanded(index, edit.scope);
  auto assigned = text ? assign(settings, index, *text) : Result<void>(text.error());
  if (!assigned) return Error::permanent(edit.name + ": " + assigned.error().text());
  std::string problem = value_problem(edit.name, settings);
  if (!problem.empty()) return Error::permanent(edit.name + ": " + problem);
  return {};
}

/// The whole main.toml.
Result<std::string> read_all(int fd, const std::string& path) {
  TRY(auto text, read_up_to(fd, main_toml_bytes_max + 1, path));
  if (text.size() <= main_toml_bytes_max) return text;
  return Error::permanent(path + ": longer than " + std::to_string(main_toml_bytes_max) +
                          " bytes; put lists into tables");
}

/// The file to edit, and its directory.
struct Target {
  std::string path;
  Descriptor directory;

  std::string name() const { return std::filesystem::path(path).filename().string(); }
};

/// Root follows only root's links, since others could lead anywhere.
Descriptor open_as_trusted(const std::string& path, int flags) {
  if (::geteuid() != 0) return Descriptor(::open(path.c_str(), flags | O_CLOEXEC));
  return open_trusted(path, {}, flags);
}

/// Follows links, so that the file is replaced and not a link to it.
std::string real_path(const std::string& path) {
  std::error_code problem;
  auto real = std::filesystem::canonical(path, problem);
  return problem ? path : real.string();
}

/// Writes a temporary file, syncs it, and renames it; `like` has the owner and mode of the old
/// file, if there was one.
Result<void> replace_file(const Target& target, const std::string& text, const struct stat* like) {
  constexpr const char* untouched = "the file is as it was";
  const int directory = target.directory.number();
  const std::string name = target.name();
  const std::string beside = name + ".new";
  ::unlinkat(directory, beside.c_str(), 0);
  mode_t mode = like != nullptr ? like->st_mode & 07777 : 0644;
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  Descriptor file(::openat(directory, beside.c_str(), flags, mode));
  if (!file) return failed(target.path + ".new", untouched);
  bool good = ::fchmod(file.number(), mode) == 0;
  if (good && like != nullptr) good = ::fchown(file.number(), like->st_uid, like->st_gid) == 0;
  std::size_t done = 0;
  while (good && done < text.size()) {
    ssize_t wrote = ::write(file.number(), text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    good = wrote >= 0;
    if (good) done += static_cast<std::size_t>(wrote);
  }
  good = good && ::fsync(file.number()) == 0 &&
         ::renameat(directory, beside.c_str(), directory, name.c_str()) == 0;
  if (!good) {
    Error error = failed(target.path + ".new", untouched);
    ::unlinkat(directory, beside.c_str(), 0);
    return error;
  }
  if (::fsync(directory) != 0) return failed(target.path, "the change may not survive a power cut");
  return {};
}

}  // namespace

Result<SettingEdit> SettingEdit::parse(Kind kind, std::string_view text) {
  SettingEdit edit;
  edit.kind = kind;
  std::string_view name = text;
  if (kind == Set) {
    auto equals = text.find('=');
    if (equals == text.npos) {
      return Error::permanent(printable(text, 100) + ": no value; write name=value");
    }
    name = text.substr(0, equals);
    edit.text = trim(text.substr(equals + 1));
  }
  name = trim(name);
  constexpr std::string_view section = "service.";
  bool is_in_section = name.starts_with(section) || name.starts_with("transport.");
  if (is_in_section) {
    auto first = name.find('.');
    auto dot = name.find('.', first + 1);
    if (dot == name.npos || !is_section_name(name.substr(first + 1, dot - first - 1))) {
      return Error::permanent(printable(text, 100) +
                              ": names no setting of a section; write service.submission.name or "
                              "transport.slow.key");
    }
    if (name.starts_with(section))
      edit.scope = parse_service(name.substr(first + 1, dot - first - 1));
    if (!edit.scope) edit.own_section = name.substr(0, dot);
    name.remove_prefix(dot + 1);
  }
  if (!edit.own_section.empty()) {
    if (!is_setting_name(name)) return Error::permanent(unknown_parameter(name));
    edit.name = name;
    return edit;
  }
  auto index = find_parameter(name);
  // A restriction class has a name of the admin's own; edit_toml() knows which are declared.
  if (!index && (edit.scope || !is_setting_name(name))) {
    return Error::permanent(unknown_parameter(name));
  }
  if (name == "config_directory") {
    return Error::permanent("config_directory: can't be set in the file itself; use -c");
  }
  if (edit.scope && (parameters()[*index].services & bit(*edit.scope)) == 0) {
    return Error::permanent(std::string(name) +
                            " has one value for the whole host; leave out service." +
                            std::string(name_of(*edit.scope)) + ".");
  }
  edit.name = name;
  return edit;
}

std::string toml_value(std::size_t index, std::string_view text) {
  bool bare = parameters()[index].measure == "number" && !text.empty() && text.size() < 19 &&
              std::ranges::all_of(text, is_digit) && (text == "0" || text[0] != '0');
  return bare ? std::string(text) : quoted(text);
}

Result<std::string> edit_toml(std::string_view toml, const std::vector<SettingEdit>& edits,
                              const LoadOptions& options) {
  std::string file = options.directory + "/main.toml";
  std::string text(toml);
  auto in_order = edits;
  // A section is one only with its kind.
  std::stable_partition(in_order.begin(), in_order.end(), [](const SettingEdit& edit) {
    return !edit.own_section.empty() && edit.name == "kind";
  });
  for (const SettingEdit& edit : in_order) {
    TomlFile before = read_toml(text, file);
    if (!before.is_toml) return Error::permanent(before.errors.front());
    TRY_DO(check_section(before, edit));
    std::string next = text;
    if (edit.kind == SettingEdit::Set) {
      next = with_setting(text, before, edit);
    } else if (const TomlEntry* entry = find_entry(before, edit)) {
      next = without_setting(text, *entry, edit.kind == SettingEdit::CommentOut);
    } else if (!find_parameter(edit.name)) {
      return Error::permanent(unknown_parameter(edit.name));
    }
    if (!differs_by(before, read_toml(next, file), edit)) {
      const TomlEntry* entry = find_entry(before, edit);
      std::string where = entry == nullptr ? "" : ":" + std::to_string(entry->key.line);
      return Error::permanent(file + where + ": " + edit.name +
                              ": can't be edited without touching other settings; edit it by hand");
    }
    text = std::move(next);
  }
  // Checked at the end, since one edit's $name may refer to another edit's setting.
  for (const SettingEdit& edit : edits) {
    if (edit.kind != SettingEdit::Set) continue;
    TRY_DO(check_value(text, edit, options));
  }
  return text;
}

Result<void> edit_file(const std::vector<SettingEdit>& edits, const LoadOptions& options) {
  std::string where = std::filesystem::absolute(options.directory).lexically_normal().string();
  auto locked = open_as_trusted(where, O_RDONLY | O_DIRECTORY);
  if (!locked) return failed(where, "make the directory, or name it with -c");
  while (::flock(locked.number(), LOCK_EX) != 0) {
    if (errno != EINTR) return failed(where, "the directory can't be locked");
  }
  std::string path = where + "/main.toml";
  auto old = open_as_trusted(path, O_RDONLY);
  if (!old && errno != ENOENT) return failed(path, "run this as the file's owner");
  Target target;
  target.path = real_path(path);
  auto parent = std::filesystem::path(target.path).parent_path().string();
  target.directory = open_as_trusted(parent, O_RDONLY | O_DIRECTORY);
  if (!target.directory) return failed(parent, "run this as the file's owner");
  std::string before;
  struct stat status {};
  if (old) {
    if (::fstat(old.number(), &status) != 0) return failed(path, "the file can't be read");
    TRY(before, read_all(old.number(), path));
  }
  TRY(std::string after, edit_toml(before, edits, options));
  if (after == before) return {};
  return replace_file(target, after, old ? &status : nullptr);
}

}  // namespace pennypost
