#include "smtpd/commands/completion.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/config/config.h"
#include "common/config/parameter.h"
#include "store/accounts/hosted_domains.h"
#include "store/accounts/own_users.h"

namespace pennypost::smtp {
namespace {

bool is_verb(std::string_view word) {
  return !word.empty() &&
         std::ranges::all_of(word, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; }) &&
         !word.starts_with('-');
}

/// An option as it stands in a usage text: `--all`, `-d`, or several letters behind one dash.
void add_options(std::vector<std::string>& found, std::string_view word) {
  while (!word.empty() && word.front() == '[') word.remove_prefix(1);
  auto end = word.find_first_of("]|=.,");
  std::string_view option = word.substr(0, end);
  if (option.size() < 2 || option.front() != '-') return;
  if (option.starts_with("--")) {
    found.emplace_back(option);
    return;
  }
  for (char letter : option.substr(1)) found.push_back(std::string("-") + letter);
}

/// Names that exist on this host; none if the configuration can't be read.
std::vector<std::string> names_on_host(std::string_view command, const std::string& verb,
                                       const std::string& directory) {
  std::vector<std::string> names;
  if (command == "postconf" || command == "doveconf") {
    for (const Parameter& parameter : parameters()) names.emplace_back(parameter.name);
    return names;
  }
  LoadOptions options;
  if (!directory.empty()) options.directory = directory;
  auto config = Config::load(options);
  if (!config) return names;
  bool names_user = verb == "del" || verb == "passwd" || verb == "block" || verb == "unblock";
  if (command == "user" && names_user) {
    auto users = store::OwnUsers::open(*config);
    auto all = users ? users->list() : Result<std::vector<store::OwnUser>>(users.error());
    if (!all) return names;
    for (const auto& user : *all) names.push_back(user.name);
  }
  if (command == "domain" && verb == "del") {
    auto domains = store::HostedDomains::open(**config);
    auto all = domains ? domains->list() : Result<std::vector<std::string>>(domains.error());
    if (all) names = *all;
  }
  return names;
}

/// The words before the one that is being typed, without `-c DIR`.
struct Before {
  std::vector<std::string> words;
  std::string directory;
  bool is_value = false;  // of an option that takes one
};

Before before_last(std::span<const std::string> words) {
  Before before;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] != "-c") {
      before.words.push_back(words[i]);
      continue;
    }
    before.is_value = i + 2 == words.size();
    if (!before.is_value) before.directory = words[++i];
  }
  return before;
}

}  // namespace

std::vector<std::string> words_of_usage(std::string_view name, std::string_view usage) {
  std::vector<std::string> found;
  for (std::string_view line : split(usage, '\n')) {
    bool is_begin = true;  // verbs stand behind the command's name alone
    for (std::string_view word : words(line, " ")) {
      if (word == "usage:" || word == "pennypost" || word == name) continue;
      add_options(found, word);
      if (word == "|") is_begin = true;
      bool is_alternatives = word.find('|') != word.npos;
      for (std::string_view verb : split(word, '|')) {
        if (is_begin && word.front() != '[' && is_verb(verb)) found.emplace_back(verb);
        if (is_alternatives && verb.starts_with('-')) add_options(found, verb);
      }
      if (word != "|" && word.find("[-c") == word.npos && word != "DIR]") is_begin = false;
    }
  }
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::vector<std::string> completions(std::span<const CommandWords> commands,
                                     std::span<const std::string> words) {
  if (words.size() < 2) return {};
  Before before = before_last(words);
  if (before.is_value) return {};
  std::string_view name = before.words.front();
  std::size_t at = 1;
  if (name == "pennypost" && before.words.size() > 1) name = before.words[at++];
  std::vector<std::string> candidates;
  if (name == "pennypost") {
    for (const auto& command : commands) candidates.emplace_back(command.name);
    candidates.emplace_back("--help");
  } else {
    auto command = std::ranges::find(commands, name, &CommandWords::name);
    if (command == commands.end()) return {};
    const std::string verb = before.words.size() > at ? before.words[at] : "";
    candidates = words_of_usage(name, command->usage);
    if (!verb.empty()) {
      std::erase_if(candidates, [](const std::string& word) { return !word.starts_with('-'); });
    }
    for (auto& one : names_on_host(name, verb, before.directory)) {
      candidates.push_back(std::move(one));
    }
    if (verb.empty()) candidates.emplace_back("--help");
  }
  std::erase_if(candidates,
                [&](const std::string& word) { return !word.starts_with(words.back()); });
  std::ranges::sort(candidates);
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  return candidates;
}

}  // namespace pennypost::smtp
